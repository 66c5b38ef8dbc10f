package recovery

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// LastFile returns the highest number of any segment file of a folder: numbers of new files start above all that are
// there, since a log record may name one that the manifest does not know of.
func LastFile(fsys vfs.FS, folder string) (last manifest.FileID, err error) {
	infos, err := fsys.List(folder)
	if err != nil {
		return 0, vfs.Error("list", folder, err)
	}
	for _, i := range infos {
		if id, ok := fileID(i.Name); ok {
			last = max(last, id)
		}
	}
	return last, nil
}

// fileID reads the name of a segment file.
func fileID(name string) (manifest.FileID, bool) {
	var id manifest.FileID
	_, err := fmt.Sscanf(name, "%d.seg", &id)
	return id, err == nil && strings.HasSuffix(name, ".seg")
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
