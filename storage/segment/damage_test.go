package segment

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// readAll opens a file and reads every column of it. It returns a printed form of all values.
func readAll(t *testing.T, file []byte) (string, error) {
	t.Helper()
	c := newCache(t, 0)
	s, err := Open(bytes.NewReader(file), int64(len(file)), Options{Name: "hits-7", Cache: c})
	if err != nil {
		return "", err
	}
	defer s.Close()
	if err := s.Verify(); err != nil {
		return "", err
	}
	req := &scan.Request{}
	for i := range s.Columns() {
		req.Columns = append(req.Columns, i)
	}
	ps, err := s.All(nil).Open(context.Background(), req)
	if err != nil {
		return "", err
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		return "", err
	}
	defer cur.Close()
	var out batch.Batch
	var text strings.Builder
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			return "", err
		}
		for {
			ok, err := cur.Next(context.Background(), &out)
			if err != nil {
				return "", err
			}
			if !ok {
				break
			}
			for _, v := range out.Cols {
				for i := range v.Len {
					d := v.Datum(i)
					text.WriteString(d.S)
				}
			}
		}
	}
	return text.String(), nil
}

// TestFlip changes every byte of a small file in turn: each change is found, and the message names the file.
func TestFlip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	d := randomData(r, 200)
	d.keys = []keys.Key{{Columns: []int{3}}, {Columns: []int{9, 1}, NullsEqual: true}}
	file := d.write(t, r, false)
	step := 1
	if testing.Short() {
		step = 37
	}
	for i := 0; i < len(file); i += step {
		damaged := bytes.Clone(file)
		damaged[i] ^= byte(1 << r.IntN(8))
		_, err := readAll(t, damaged)
		if err == nil {
			t.Fatalf("byte %d of %d: the change went unnoticed", i, len(file))
		}
		if !errs.Is(err, errs.DataCorrupted) && !errs.Is(err, errs.FeatureNotSupported) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if !strings.Contains(err.Error(), "hits-7") {
			t.Fatalf("byte %d: the file is not named: %v", i, err)
		}
	}
}

func TestTruncated(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	d := randomData(r, 300)
	file := d.write(t, r, false)
	for n := 0; n < len(file); n += 1 + len(file)/200 {
		if _, err := readAll(t, file[:n]); !errs.Is(err, errs.DataCorrupted) {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
	}
	// A file that shrinks after it was opened.
	s, err := Open(bytes.NewReader(file[:len(file):len(file)]), int64(len(file)), Options{Name: "x", Cache: newCache(t, 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.r = bytes.NewReader(file[:100])
	if _, err := s.All(nil).Open(context.Background(), &scan.Request{Columns: []int{9}}); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("a dictionary behind the end of the file: %v", err)
	}
}

// TestNamesPlace shows what a damaged block looks like to a user: only scans that need it fail.
func TestNamesPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	d := randomData(r, 3000)
	file := d.write(t, r, false)
	s := open(t, file, newCache(t, 0))
	for c := range s.cols {
		m := &s.cols[c].blocks[0]
		if m.values.stored == 0 {
			continue
		}
		damaged := bytes.Clone(file)
		damaged[m.values.offset+uint64(m.values.stored)/2] ^= 1
		x := open(t, damaged, newCache(t, 0))
		for other := range s.cols {
			ps, err := x.All(nil).Open(context.Background(), &scan.Request{Columns: []int{other}})
			if err == nil {
				var cur scan.Cursor
				if cur, err = ps.Cursor(); err != nil {
					t.Fatal(err)
				}
				if err = cur.Seek(0); err == nil {
					var out batch.Batch
					_, err = cur.Next(context.Background(), &out)
				}
				cur.Close()
				ps.Close()
			}
			if other != c && err != nil {
				t.Fatalf("column %d fails for damage in column %d: %v", other, c, err)
			}
			if other == c && (err == nil || !strings.Contains(err.Error(), `column "`+s.cols[c].Name+`"`) || !strings.Contains(err.Error(), "block 0")) {
				t.Fatalf("damage in column %d: %v", c, err)
			}
		}
	}
}

// repair gives the entries of a directory the checksums of what they name, as far as it is in the file.
func repair(file, dir []byte) {
	var list []blobRef
	r := field.NewReader("directory", dir)
	for r.Next() && r.Number() == 2 {
		e := readBlobRef(r.Record("entry"))
		if n := uint64(len(file)); e.offset <= n && uint64(e.length) <= n-e.offset {
			e.crc = checksum(file[e.offset:][:e.length])
		}
		list = append(list, e)
	}
	if b := appendDirectory(nil, list, nil); len(b) <= len(dir) { // keys follow
		copy(dir, b)
	}
}

// FuzzOpen reads arbitrary bytes as a segment.
func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(8, 8))
	d := randomData(r, 50)
	d.cols, d.value = d.cols[8:10], d.value[8:10]
	f.Add(d.write(f, r, false))
	d.keys = []keys.Key{{Columns: []int{0, 1}}}
	f.Add(d.write(f, r, false))
	f.Fuzz(func(t *testing.T, file []byte) {
		// Repair the checksums of the tail, so that the fuzzer reaches what stands behind them.
		if n := len(file); n >= headerBytes+footerBytes {
			le.PutUint32(file[60:], checksum(file[:60]))
			foot := file[n-footerBytes:]
			le.PutUint64(foot[40:], uint64(n))
			if dir, length := le.Uint64(foot[16:]), uint64(le.Uint32(foot[24:])); dir <= uint64(n) && length <= uint64(n)-dir {
				repair(file, file[dir:dir+length])
				le.PutUint32(foot[28:], checksum(file[dir:dir+length]))
			}
			le.PutUint32(foot[120:], checksum(foot[:120]))
			copy(foot[124:], footerMagic[:])
		}
		if _, err := readAll(t, file); err != nil && !errs.Is(err, errs.DataCorrupted) && !errs.Is(err, errs.FeatureNotSupported) {
			t.Fatalf("not XX001: %v", err)
		}
	})
}
