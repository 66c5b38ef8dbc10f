package recovery

import (
	"errors"
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// folders are there as long as there is a manifest.
var folders = []string{"wal", "tokens", "segments"}

// Missing returns what a version of the manifest says is there and is not: folders, the files of the log and of tokens as
// an orderly stop has left them, and after any other end the newest token file. What is missing of a log that had no
// orderly stop shows when it is read (package wal).
func Missing(fsys vfs.FS, dir string, v *manifest.Version) (missing []error, err error) {
	for _, f := range folders {
		// Without a look at what is in it: 100,000 segments are listed once at a start.
		if i, err := fsys.Stat(dir + "/" + f); err == nil && !i.Dir {
			return nil, errs.Corrupt("%s/%s is no folder", dir, f)
		} else if vfs.IsNotExist(err) {
			missing = append(missing, lost("folder %s/%s is missing", dir, f))
		} else if err != nil {
			return nil, vfs.Error("look for", dir+"/"+f, err)
		}
	}
	if len(missing) > 0 {
		return missing, nil
	}
	tokens, err := Files(fsys, dir+"/tokens", "tok")
	if err != nil {
		return nil, err
	}
	if s := v.Held.Stopped; s != nil {
		log, err := Files(fsys, dir+"/wal", "wal")
		if err != nil {
			return nil, err
		}
		missing = append(missing, differ(dir+"/wal/%010d.wal", log, s.Log)...)
		missing = append(missing, differ(dir+"/tokens/%06d.tok", tokens, s.Tokens)...)
		if len(missing) > 0 {
			return missing, nil
		}
		for _, f := range s.Tokens {
			if missing, err = torn(fsys, dir, f, missing); err != nil {
				return nil, err
			}
		}
		return missing, nil
	}
	want := v.Held.Tokens
	for _, f := range tokens {
		switch {
		case f.Number > want.Number:
			return nil, nil
		case f.Number == want.Number && f.Bytes >= want.Bytes:
			return torn(fsys, dir, want, nil)
		}
	}
	if want.Number != 0 {
		missing = append(missing, lost("token file %s/tokens/%06d.tok is missing or cut: it had %d bytes", dir, want.Number, want.Bytes))
	}
	return missing, nil
}

// torn adds a token file to what is missing whose records end before those that were durable. Other damage of it is told
// by who reads it.
func torn(fsys vfs.FS, dir string, want manifest.File, missing []error) ([]error, error) {
	name := fmt.Sprintf("%s/tokens/%06d.tok", dir, want.Number)
	f, err := fsys.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	defer f.Close()
	r, err := record.NewReader(f, record.Tokens, want.Number, 1<<30)
	for err == nil {
		_, err = r.Next()
	}
	if errors.Is(err, io.EOF) && r.Offset() < want.Bytes {
		missing = append(missing, lost("file %s: damaged at offset %d, though %d bytes were written", name, r.Offset(), want.Bytes))
	} else if !errors.Is(err, io.EOF) && !errs.Is(err, errs.DataCorrupted) {
		return nil, err
	}
	return missing, nil
}

func lost(format string, args ...any) error {
	return errs.Corrupt(format, args...).
		WithHint("Acknowledged rows, or idempotency keys, may be lost there. Restore it from a backup, or go on without it with --accept-loss.")
}

// differ holds files against those that an orderly stop has left; name is how they are called.
func differ(name string, have, want []manifest.File) (missing []error) {
	sizes := make(map[uint64]int64, len(have))
	for _, f := range have {
		sizes[f.Number] = f.Bytes
	}
	for _, f := range want {
		switch n, ok := sizes[f.Number]; {
		case !ok:
			missing = append(missing, lost("file "+name+" is missing: it had %d bytes when the database stopped", f.Number, f.Bytes))
		case n < f.Bytes:
			missing = append(missing, lost("file "+name+" has %d bytes, and had %d when the database stopped", f.Number, n, f.Bytes))
		}
	}
	return missing
}

// Files returns the numbered files of a folder with an ending.
func Files(fsys vfs.FS, folder, ending string) (files []manifest.File, err error) {
	infos, err := fsys.List(folder)
	if err != nil {
		return nil, vfs.Error("list", folder, err)
	}
	for _, i := range infos {
		var n uint64
		if _, err := fmt.Sscanf(i.Name, "%d."+ending, &n); err == nil && len(i.Name) == len(fmt.Sprintf("%06d.", n))+len(ending) ||
			err == nil && len(i.Name) == len(fmt.Sprintf("%010d.", n))+len(ending) {
			files = append(files, manifest.File{Number: n, Bytes: i.Size})
		}
	}
	return files, nil
}
