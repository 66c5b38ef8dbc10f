package recovery

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Sizes returns the bytes of each segment file of a folder, and the highest number of any: numbers of new files start
// above all that are there, since a log record may name one that the manifest does not know of.
func Sizes(fsys vfs.FS, folder string) (sizes map[manifest.FileID]int64, last manifest.FileID, err error) {
	infos, err := fsys.List(folder)
	if err != nil {
		return nil, 0, vfs.Error("list", folder, err)
	}
	sizes = make(map[manifest.FileID]int64, len(infos))
	for _, i := range infos {
		if id, ok := fileID(i.Name); ok {
			sizes[id] = i.Size
			last = max(last, id)
		}
	}
	return sizes, last, nil
}

// fileID reads the name of a segment file.
func fileID(name string) (manifest.FileID, bool) {
	digits, ok := strings.CutSuffix(name, ".seg")
	id, err := strconv.ParseUint(digits, 10, 64)
	return manifest.FileID(id), ok && err == nil
}

// Orphans removes the segment files of a folder that are not named: unfinished seals, loads that did not commit, and
// dropped tables.
func Orphans(fsys vfs.FS, folder string, named func(manifest.FileID) bool) error {
	infos, err := fsys.List(folder)
	if err != nil {
		return vfs.Error("list", folder, err)
	}
	for _, i := range infos {
		id, ok := fileID(i.Name)
		if ok && named(id) || !ok && !strings.HasSuffix(i.Name, ".tmp") {
			continue
		}
		if err := fsys.Remove(folder + "/" + i.Name); err != nil {
			return vfs.Error("remove", i.Name, err)
		}
	}
	return nil
}
