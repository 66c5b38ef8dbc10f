package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// openKeys packs the keys and chooses the way to group.
func (g *Group) openKeys(t *op.Task) error {
	g.way = keyless{packed{g}}
	if len(g.cfg.Keys) == 0 {
		return nil
	}
	byCode := g.byCode()
	fields := make([]hashtable.Field, len(g.cfg.Keys))
	for i, k := range g.cfg.Keys {
		in, entries, err := g.internKey(t, g.cfg.In[k.Column], k, byCode == nil)
		if err != nil {
			return err
		}
		fields[i] = hashtable.NewField(k.Column, &k.Stats, g.cfg.In[k.Column], entries)
		fields[i].Strings = in
		if fields[i].Phys == types.PhysNone {
			return errs.Unsupported("grouping by a value of type %s", fields[i].Typ)
		}
	}
	g.lay = hashtable.NewLayout(fields)
	switch {
	case byCode != nil:
		g.lay.Words = 2 // where the string is, and its hash
		g.way = byCode
	case g.arrayFits():
		g.way = array{packed{g}}
	default:
		g.way = &hashed{packed: packed{g}, limited: g.fixes()}
	}
	return nil
}

// byCode returns the way by dictionaries, nil where there is another.
func (g *Group) byCode() *dictionary {
	if len(g.cfg.Keys) != 1 {
		return nil
	}
	dicts, _ := g.dictionaries(g.cfg.Keys[0])
	if !g.dictFits(dicts) {
		return nil
	}
	return &dictionary{Group: g, dicts: dicts, sparse: !g.meets(dicts, 4)}
}

// internKey makes the interner of a key or of a distinct value, nil for types that need none. Where all its
// dictionaries are known and the rows are many enough to meet most entries, these are numbered at once; entries is then
// the largest number, else 0.
func (g *Group) internKey(t *op.Task, typ types.Type, k Key, ahead bool) (in *hashtable.Interner, entries int, err error) {
	if p := typ.Physical(); p != types.PhysBytes && p != types.PhysInterval {
		return nil, 0, nil
	}
	if in, err = hashtable.NewInterner(g.acc, hashtable.EqualPart(typ), g.internBits()); err != nil {
		return nil, 0, err
	}
	g.keyStrings = append(g.keyStrings, in)
	dicts, complete := g.dictionaries(k)
	if ahead && complete && hashtable.Mergeable(dicts) && g.meets(dicts, 2) {
		err = in.Merge(t, dicts)
	}
	return in, in.MergedMax(), err
}

// internBits tells how many shards interners get.
func (g *Group) internBits() uint {
	if g.lean {
		return 0
	}
	return hashtable.ShardBits
}

// meets tells whether the rows are expected to be at least one for every few entries of dictionaries.
func (g *Group) meets(dicts []*batch.Dictionary, few int64) bool {
	total := int64(0)
	for _, d := range dicts {
		total += int64(d.Len)
	}
	return g.cfg.Rows <= 0 || g.cfg.Rows*few >= total
}

// value describes a column whose distinct values are collected.
func (g *Group) value(ordinal int) Key {
	k := Key{Column: ordinal, Origin: -1}
	if ordinal < len(g.cfg.Columns) {
		k.Origin, k.Stats = g.cfg.Columns[ordinal].Origin, g.cfg.Columns[ordinal].Stats
	}
	return k
}

// dictionaries returns the dictionaries that a key's codes come from, and whether all its values do.
func (g *Group) dictionaries(k Key) ([]*batch.Dictionary, bool) {
	t := g.cfg.In[k.Column]
	if g.lean || g.cfg.Scan == nil || k.Origin < 0 || t.Physical() != types.PhysBytes || t.Kind == types.Numeric || t.Kind == types.JSONB {
		return nil, false
	}
	return g.cfg.Scan.Dictionaries(k.Origin)
}

// dictFits tells whether rows can be grouped by their codes: there are dictionaries, and no aggregate needs the packed
// key or the order of arrival.
func (g *Group) dictFits(dicts []*batch.Dictionary) bool {
	if g.inOrder || len(g.prog.sets) > 0 || len(dicts) == 0 || len(dicts) >= 1<<16 {
		return false
	}
	for _, d := range dicts {
		if d.Hashes == nil {
			return false
		}
	}
	return true
}
