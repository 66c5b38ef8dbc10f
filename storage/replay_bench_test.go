package storage

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/vfs"
)

// BenchmarkReplay opens a database whose log has records of one row, as it is after a crash: processor time a record.
func BenchmarkReplay(b *testing.B) {
	const records = 100_000
	m := vfs.NewMem()
	o := testOptions(m)
	o.LogFileMin, o.LogFileMax, o.SealRows, o.NoMerge = 1<<20, 64<<20, 1<<20, true
	db := mustOpen(b, o)
	tab := mustCreate(b, db, "clicks")
	var writers sync.WaitGroup
	for w := range 64 {
		writers.Go(func() {
			for i := w; i < records; i += 64 {
				if err := insert(db, tab, i, 1); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	crashed := m.CrashClone(1, 1)
	mustClose(b, db)
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var all time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		at := crashed.CrashClone(1, 1)
		o := o
		o.FS = at
		b.StartTimer()
		from := spent()
		db, err := Open(ctx, "db", o)
		if err != nil {
			b.Fatal(err)
		}
		all += spent() - from
		n++
		b.StopTimer()
		mustClose(b, db)
		b.StartTimer()
	}
	b.ReportMetric(float64(all.Nanoseconds())/float64(n)/records, "cpu-ns/record")
}
