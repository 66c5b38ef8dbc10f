package recovery

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Folder is the files in the folder of segments when a database opens. It is listed once, which takes most of the time
// of a start with very many of them.
type Folder struct {
	fs    vfs.FS
	name  string
	files []folderFile // by id
	tmp   []string     // unfinished
}

type folderFile struct {
	id   manifest.FileID
	name string
	size int64
}

// ReadFolder lists a folder.
func ReadFolder(fsys vfs.FS, name string) (*Folder, error) {
	infos, err := fsys.List(name)
	if err != nil {
		return nil, vfs.Error("list", name, err)
	}
	f := &Folder{fs: fsys, name: name, files: make([]folderFile, 0, len(infos))}
	for _, i := range infos {
		if id, ok := fileID(i.Name); ok {
			f.files = append(f.files, folderFile{id, i.Name, i.Size})
		} else if strings.HasSuffix(i.Name, ".tmp") {
			f.tmp = append(f.tmp, i.Name)
		}
	}
	slices.SortFunc(f.files, func(a, b folderFile) int { return cmp.Compare(a.id, b.id) })
	return f, nil
}

// Size returns the bytes of a segment file, 0 when it is not there.
func (f *Folder) Size(id manifest.FileID) int64 {
	i, ok := slices.BinarySearchFunc(f.files, id, func(f folderFile, id manifest.FileID) int { return cmp.Compare(f.id, id) })
	if !ok {
		return 0
	}
	return f.files[i].size
}

// Last returns the highest number of any file: numbers of new files start above all that are there, since a log record
// may name one that the manifest does not know of.
func (f *Folder) Last() manifest.FileID {
	if len(f.files) == 0 {
		return 0
	}
	return f.files[len(f.files)-1].id
}

// fileID reads the name of a segment file.
func fileID(name string) (manifest.FileID, bool) {
	digits, ok := strings.CutSuffix(name, ".seg")
	id, err := strconv.ParseUint(digits, 10, 64)
	return manifest.FileID(id), ok && err == nil
}

// RemoveOrphans removes the segment files that are not named: unfinished seals, loads that did not commit, and dropped
// tables. Replay has been there since the folder was listed; what it made is named, and what it removed is not missed.
func (f *Folder) RemoveOrphans(named func(manifest.FileID) bool) error {
	for _, name := range f.tmp {
		if err := f.remove(name); err != nil {
			return err
		}
	}
	for _, x := range f.files {
		if !named(x.id) {
			if err := f.remove(x.name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Folder) remove(name string) error {
	if err := f.fs.Remove(f.name + "/" + name); err != nil && !vfs.IsNotExist(err) {
		return vfs.Error("remove", name, err)
	}
	return nil
}
