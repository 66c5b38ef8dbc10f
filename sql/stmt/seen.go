package stmt

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// seenKeys are the keys of the rows that a statement has stored: their hashes, and their values to compare. They are
// charged to the transaction's account.
type seenKeys struct {
	keys    []unique.Key
	indexes []keys.Index
	columns [][]*batch.Vector // by key
	account *mem.Account
	charged int64
	found   []uint32
}

func newSeenKeys(list []unique.Key, account *mem.Account) seenKeys {
	s := seenKeys{keys: list, indexes: make([]keys.Index, len(list)), columns: make([][]*batch.Vector, len(list)), account: account}
	for i := range list {
		s.indexes[i].Account = account
		s.columns[i] = batch.New(list[i].Layout.Types).Cols
		for j, v := range s.columns[i] {
			v.Reset(list[i].Layout.Types[j], 0)
		}
	}
	return s
}

func (s *seenKeys) close() {
	for i := range s.indexes {
		s.indexes[i].Release()
	}
	s.account.Free(s.charged)
	s.charged = 0
}

// has tells whether a row's key is among them. rows is of one batch.
func (s *seenKeys) has(rows *unique.Rows, key, row int) bool {
	has := false
	s.each(rows, key, row, func(uint32) { has = true })
	return has
}

// each calls do with the place of each key that is that of a row.
func (s *seenKeys) each(rows *unique.Rows, key, row int, do func(place uint32)) {
	h := rows.Hashes(0)[key][row]
	if h == keys.None {
		return
	}
	columns, at := rows.At(key, uint64(row))
	s.found = s.indexes[key].Find(s.found[:0], h)
	for _, i := range s.found {
		if s.keys[key].Equal(s.columns[key], int(i), columns, at) {
			do(i)
		}
	}
}

// add adds the keys of a row.
func (s *seenKeys) add(rows *unique.Rows, row int) error {
	for key := range s.keys {
		if err := s.addKey(rows, key, row); err != nil {
			return err
		}
	}
	return nil
}

// addKey adds one of the keys of a row.
func (s *seenKeys) addKey(rows *unique.Rows, key, row int) error {
	h := rows.Hashes(0)[key][row]
	if h == keys.None {
		return nil
	}
	own := s.columns[key]
	if err := s.indexes[key].Add(h, uint32(own[0].Len), func(int) bool { return false }); err != nil {
		return err
	}
	columns, at := rows.At(key, uint64(row))
	for i, v := range columns {
		own[i].AppendDatum(v.Datum(at))
	}
	if own[0].Len%pieceRows == 1 {
		return s.charge()
	}
	return nil
}

// cut keeps the first n keys alone.
func (s *seenKeys) cut(key, n int) error {
	x := &s.indexes[key]
	x.Release()
	*x = keys.Index{Account: s.account}
	for _, v := range s.columns[key] {
		v.Truncate(n)
	}
	for i, h := range s.keys[key].Hash(nil, s.columns[key], n) {
		if err := x.Add(h, uint32(i), func(int) bool { return false }); err != nil {
			return err
		}
	}
	return nil
}

// charge charges for the values.
func (s *seenKeys) charge() error {
	held := int64(0)
	for _, columns := range s.columns {
		for _, v := range columns {
			held += v.Held()
		}
	}
	if held <= s.charged {
		return nil
	}
	if err := s.account.Reserve(held - s.charged); err != nil {
		return err
	}
	s.charged = held
	return nil
}
