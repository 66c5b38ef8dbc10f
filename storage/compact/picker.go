// Package compact turns many small files of a table into few large ones and gives back the space of deleted rows. A
// Picker decides which files are merged and is pure; a Merger moves their bytes. Neither changes a table: what a merge
// came to is put into the files' place by the database, with one edit of the manifest.
//
// # Policy
//
// Files are of one tier when their rows that are not deleted are between the same powers of Fanout. When a tier has
// Fanout files, they are merged, oldest first, into one of the next tier: each row is written once a tier, a late row
// makes a small file that never takes a large one along, and there are at most Fanout-1 files a tier. A file of half of
// RowsMax or BytesMax is never merged with others again. A file of which a quarter is deleted is written anew by itself,
// which costs at most three rows written for each row deleted.
//
// Files of a table with partitions are only merged with those of the same partition, and mixed ones with each other, which
// divides their rows where that is worth it (package partition). Of short partitions each has few files, and what came late is
// written into the large one of its partition lazily, where that costs least. A mixed file that was not divided by the table's rule, as
// those of loads or of a rule that was altered, is divided at once, by itself. Half of Fanout files are merged where new
// ones are few: in partitions before the newest, and of mixed ones.
//
// # Merging
//
// Vertically: the columns of the sort key are read first and give the order of all rows, then one column after the other
// is read, put in order, encoded and written. In memory are the order, where each row went, and one column. Deleted
// rows are left out; the numbers of those that stay are kept in a column of their own, unless they follow each other.
package compact

import (
	"cmp"
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/partition"
)

// File is a file as the picker sees it.
type File struct {
	ID      uint64
	Base    uint64 // number of its first row: older ones are lower
	Rows    int64
	Deleted int64 // of Rows
	Bytes   int64
	Busy    bool // a merge of it is on its way, or it is damaged
	// Partition is that of all of its rows, unless it is Mixed; Undivided: and may have many of one. 0 without partitions.
	Partition        int64
	Mixed, Undivided bool
}

// live returns the rows and bytes that a merge would write.
func (f *File) live() (rows, bytes int64) {
	rows = f.Rows - f.Deleted
	return rows, int64(float64(f.Bytes) * float64(rows) / float64(f.Rows))
}

// Reason says why files are merged.
type Reason string

// The reasons.
const (
	Tier    Reason = "size"    // there are many of about one size
	Deleted Reason = "deleted" // many rows are deleted
	Vacuum  Reason = "vacuum"  // a client asked for it
	Cluster Reason = "cluster"
	Rebuild Reason = "reindex"
	Key     Reason = "key"       // they are to have runs of a key
	Retain  Reason = "retain"    // their partitions have ended
	Divide  Reason = "partition" // its rows belong to files of several partitions
)

// Plan is a merge that should be done.
type Plan struct {
	Reason Reason
	Files  []File // by their first rows
	Bytes  int64  // that it writes, about
}

// Picker is the policy.
type Picker struct {
	Fanout   int     // files of one tier that are merged
	RowsMax  int64   // of a file
	BytesMax int64   // of a file
	Deleted  float64 // share of a file's rows that makes it worth to be written anew
	// Short says that the table's partitions are short, so that there are many: each may have few files.
	Short bool
}

// Default is the policy of the background. 8: a table that is fed by one file every ten minutes has some 25 files after
// two months, and has written each row four times. RowsMax is eight times what is sealed together: scans are as fast, and
// a merge of the largest takes minutes, not hours.
func Default() Picker { return Picker{Fanout: 8, RowsMax: 8 << 20, BytesMax: 1 << 30, Deleted: 0.25} }

// full tells that a file is not merged with others any more.
func (p *Picker) full(f *File) bool {
	rows, bytes := f.live()
	return rows > p.RowsMax/2 || bytes > p.BytesMax/2
}

// tier returns which powers of a fanout the rows of a file are between.
func tier(f *File, fanout int) int {
	rows, _ := f.live()
	return int(math.Log(float64(max(rows, 1)))/math.Log(float64(fanout)) + 1e-9)
}

// class is what files that are merged together have in common.
type class struct {
	partition int64
	mixed     bool
	tier      int
}

func classOf(f *File) class {
	if f.Mixed {
		return class{mixed: true}
	}
	return class{partition: f.Partition}
}

// newestRows is how many rows a partition has that others are older than: a few rows with a wrong time do not end the
// present.
const newestRows = 512

// newest returns the greatest partition that is finite and not of a few rows.
func newest(files []File) int64 {
	rows := map[int64]int64{}
	for i := range files {
		if f := &files[i]; !f.Mixed && f.Partition < partition.Infinity {
			rows[f.Partition] += f.Rows
		}
	}
	n := int64(math.MinInt64)
	for number, count := range rows {
		if count >= newestRows {
			n = max(n, number)
		}
	}
	return n
}

// closedShare: when the files of an old partition beside the largest have a quarter of its rows, all become one. That is so
// when its time is over, and costs late rows five rows written for each. lateShare: as much is written for a late row where
// old partitions have more files than they may.
const (
	closedShare = 4
	lateShare   = 128
)

// Short partitions have few files, since there are many and all have one: newestMost of the partition that rows come to,
// mixedMost mixed ones, oldMost of each of the others, and of these together spareLeast more than partitions, or a sixteenth. A
// table of days that is fed all the time has at most 40 files a month then. Long partitions have as many files as the tiers of
// a table without any.
const (
	newestMost = 5
	mixedMost  = 3
	spareShare = 16
	spareLeast = 1
	oldMost    = 2 // the large one, and what came late
)

// fewShare: a merge of the smallest files takes the next one along when that has so many times their rows. A new file is
// written about four times on its way into the files of a day of 144.
const fewShare = 3

// closed takes the files that become one out of each class of an old partition, and returns the plans.
func (p *Picker) closed(classes map[class][]File) (plans []Plan) {
	type spare struct {
		class class
		files []File
		share float64 // how many rows are written for each that is not in the largest file
	}
	var spares []spare
	more := 0 // files than partitions
	for c, files := range classes {
		var all, largest int64
		for i := range files {
			rows, _ := files[i].live()
			all, largest = all+rows, max(largest, rows)
		}
		groups := p.groups(files)
		switch {
		case len(files) == 1 || len(groups) > 1:
		case largest <= closedShare*(all-largest):
			plans = append(plans, p.plan(Tier, groups[0]))
			delete(classes, c)
		default:
			more += len(files) - 1
			if largest <= lateShare*(all-largest) {
				spares = append(spares, spare{c, groups[0], float64(all) / float64(all-largest)})
			}
		}
	}
	if !p.Short {
		return plans
	}
	partitions := len(classes) + len(plans)
	slices.SortFunc(spares, func(a, b spare) int {
		return cmp.Or(cmp.Compare(a.share, b.share), cmp.Compare(a.class.partition, b.class.partition))
	})
	for _, s := range spares {
		if more <= max(spareLeast, partitions/spareShare) {
			break
		}
		more -= len(s.files) - 1
		plans = append(plans, p.plan(Tier, s.files))
		delete(classes, s.class)
	}
	for c, files := range classes {
		if few := p.few(files, oldMost); len(few) > 0 {
			plans = append(plans, few...)
			delete(classes, c)
		}
	}
	return plans
}

// few makes files at most so many by merging the smallest of them, and with these the next ones that are not much larger.
func (p *Picker) few(files []File, most int) (plans []Plan) {
	if len(files) <= most {
		return nil
	}
	slices.SortFunc(files, func(a, b File) int {
		ra, _ := a.live()
		rb, _ := b.live()
		return cmp.Or(cmp.Compare(ra, rb), cmp.Compare(a.ID, b.ID))
	})
	var rows int64
	n := 0
	for ; n < len(files); n++ {
		r, _ := files[n].live()
		if n > len(files)-most && r > fewShare*rows {
			break
		}
		rows += r
	}
	for _, group := range p.groups(slices.Clone(files[:n])) {
		if len(group) > 1 {
			plans = append(plans, p.plan(Tier, group))
		}
	}
	return plans
}

// fanout returns how many files of a class are merged.
func (p *Picker) fanout(f *File, newest int64) int {
	if f.Mixed || f.Partition < newest {
		return max(2, p.Fanout/2)
	}
	return p.Fanout
}

// Pick returns what should be merged now, cheapest first; no file is in two plans.
func (p *Picker) Pick(files []File) []Plan {
	var plans []Plan
	tiers, old := map[class][]File{}, map[class][]File{}
	last := newest(files)
	for _, f := range files {
		switch {
		case f.Busy:
		case float64(f.Deleted) >= p.Deleted*float64(f.Rows) && f.Deleted > 0:
			plans = append(plans, p.plan(Deleted, []File{f}))
		case f.Undivided:
			plans = append(plans, p.plan(Divide, []File{f}))
		case p.full(&f):
		case !f.Mixed && f.Partition < last:
			old[classOf(&f)] = append(old[classOf(&f)], f)
		default:
			p.addTier(tiers, &f, last)
		}
	}
	plans = append(plans, p.closed(old)...)
	for _, files := range old {
		for i := range files {
			p.addTier(tiers, &files[i], last)
		}
	}
	if p.Short {
		plans = append(plans, p.crowded(tiers, last)...)
	}
	for _, tier := range tiers {
		fanout := p.fanout(&tier[0], last)
		for _, group := range p.groups(tier) {
			if len(group) >= fanout || p.large(group) {
				plans = append(plans, p.plan(Tier, group))
			}
		}
	}
	slices.SortFunc(plans, func(a, b Plan) int {
		return cmp.Or(cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Files[0].ID, b.Files[0].ID))
	})
	return plans
}

// crowded takes what rows come to out of the tiers of a table of short partitions, and returns how it becomes few files.
func (p *Picker) crowded(tiers map[class][]File, newest int64) (plans []Plan) {
	present := map[class][]File{}
	for c, files := range tiers {
		if c.mixed || c.partition == newest {
			c.tier = 0
			present[c] = append(present[c], files...)
		}
	}
	for c, files := range present {
		most := newestMost
		if c.mixed {
			most = mixedMost
		}
		plans = append(plans, p.few(files, most)...)
	}
	for c := range tiers {
		if c.mixed || c.partition == newest {
			delete(tiers, c)
		}
	}
	return plans
}

func (p *Picker) addTier(tiers map[class][]File, f *File, newest int64) {
	c := classOf(f)
	c.tier = tier(f, p.fanout(f, newest))
	tiers[c] = append(tiers[c], *f)
}

// large tells that a group of several makes a file that is full.
func (p *Picker) large(group []File) bool {
	all := File{}
	for i := range group {
		rows, bytes := group[i].live()
		all.Rows, all.Bytes = all.Rows+rows, all.Bytes+bytes
	}
	return len(group) > 1 && p.full(&all)
}

// groups divides files, in the order of their rows, into groups that fit into one file each.
func (p *Picker) groups(files []File) (groups [][]File) {
	slices.SortFunc(files, func(a, b File) int { return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.ID, b.ID)) })
	var rows, bytes int64
	for i := range files {
		r, b := files[i].live()
		if i == 0 || rows+r > p.RowsMax || bytes+b > p.BytesMax {
			groups = append(groups, nil)
			rows, bytes = 0, 0
		}
		n := len(groups) - 1
		groups[n] = append(groups[n], files[i])
		rows, bytes = rows+r, bytes+b
	}
	return groups
}

// Vacuum returns what gives back the space of all deleted rows. full also makes files as large as they get.
func (p *Picker) Vacuum(files []File, full bool) (plans []Plan) {
	small := map[class][]File{}
	for _, f := range files {
		switch {
		case f.Busy:
		case full && !p.full(&f):
			small[classOf(&f)] = append(small[classOf(&f)], f)
		case f.Deleted > 0:
			plans = append(plans, p.plan(Vacuum, []File{f}))
		}
	}
	for _, files := range sorted(small) {
		for _, group := range p.groups(files) {
			if len(group) > 1 || group[0].Deleted > 0 || group[0].Undivided {
				plans = append(plans, p.plan(Vacuum, group))
			}
		}
	}
	return plans
}

// sorted returns the files of classes by their partitions, mixed ones last.
func sorted(classes map[class][]File) (list [][]File) {
	for _, files := range classes {
		list = append(list, files)
	}
	slices.SortFunc(list, func(a, b []File) int {
		if a[0].Mixed {
			return 1
		} else if b[0].Mixed {
			return -1
		}
		return cmp.Compare(a[0].Partition, b[0].Partition)
	})
	return list
}

// Cluster returns what sorts all rows of each partition of a table, or of one without: one plan, whatever its size.
func (p *Picker) Cluster(files []File) (plans []Plan) {
	classes := map[class][]File{}
	for _, f := range files {
		if !f.Busy {
			classes[classOf(&f)] = append(classes[classOf(&f)], f)
		}
	}
	for _, files := range sorted(classes) {
		slices.SortFunc(files, func(a, b File) int { return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.ID, b.ID)) })
		plans = append(plans, p.plan(Cluster, files))
	}
	return plans
}

// Rebuild returns what writes each file anew by itself.
func (p *Picker) Rebuild(files []File) []Plan { return p.each(Rebuild, files) }

// Index returns what gives each file by itself runs of keys.
func (p *Picker) Index(files []File) []Plan { return p.each(Key, files) }

func (p *Picker) each(why Reason, files []File) (plans []Plan) {
	for _, f := range files {
		if !f.Busy {
			plans = append(plans, p.plan(why, []File{f}))
		}
	}
	slices.SortFunc(plans, func(a, b Plan) int {
		return cmp.Or(cmp.Compare(a.Files[0].Base, b.Files[0].Base), cmp.Compare(a.Files[0].ID, b.Files[0].ID))
	})
	return plans
}

func (p *Picker) plan(why Reason, files []File) Plan {
	n := Plan{Reason: why, Files: files}
	for i := range files {
		_, bytes := files[i].live()
		n.Bytes += bytes
	}
	return n
}
