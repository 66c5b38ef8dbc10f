package spill

import "sync"

// Ways is into how many partitions records are divided: with 32, a query that needs 30 times its memory is divided
// once, and their buffers take 1 MiB.
const (
	wayBits = 5
	Ways    = 1 << wayBits
)

// LevelMax is how often partitions are divided again: 6 times 5 bits of hash. What is still too large then has one
// key, or nearly so.
const LevelMax = 6

// Partitions are runs among which records are divided by hash. It is safe for concurrent use while it is filled.
type Partitions struct {
	runs  [Ways]*Run
	locks [Ways]sync.Mutex
	level int
}

// NewPartitions returns empty partitions. Those of one level take other bits of the hash than those of the level
// above, which goes from 0 to LevelMax-1. The caller closes them.
func (s *Space) NewPartitions(level int) *Partitions {
	p := &Partitions{level: level}
	for i := range p.runs {
		p.runs[i] = s.NewRun()
	}
	return p
}

// Of returns the partition of a hash.
func (p *Partitions) Of(hash uint64) int {
	return int(hash >> (64 - wayBits*(p.level+1)) & (Ways - 1))
}

// Append adds a record to the partition of a hash.
func (p *Partitions) Append(hash uint64, record []byte) error {
	i := p.Of(hash)
	p.locks[i].Lock()
	defer p.locks[i].Unlock()
	return p.runs[i].Append(record)
}

// Finish ends the writing.
func (p *Partitions) Finish() error {
	for _, r := range p.runs {
		if err := r.Finish(); err != nil {
			return err
		}
	}
	return nil
}

// Run returns a partition.
func (p *Partitions) Run(i int) *Run { return p.runs[i] }

// Records returns the records of all partitions.
func (p *Partitions) Records() (n int64) {
	for _, r := range p.runs {
		n += r.Records()
	}
	return n
}

// Close removes the files. Closing nil does nothing.
func (p *Partitions) Close() {
	if p == nil {
		return
	}
	for _, r := range p.runs {
		r.Close()
	}
}
