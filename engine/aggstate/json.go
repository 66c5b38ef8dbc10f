package aggstate

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// json_agg, jsonb_agg, json_object_agg and jsonb_object_agg are lists, too. Their values have become json or jsonb before
// they come here, and keys text, so that nothing of the session is needed.
func init() {
	kind := func(types.Type) *Kind { return list }
	register(fn.JSONAgg, Aggregate{Kind: kind, Finish: finishJSON(", "), Nulls: true})
	register(fn.JSONAggLines, Aggregate{Kind: kind, Finish: finishJSON(", \n "), Nulls: true})
	register(fn.JSONBAgg, Aggregate{Kind: kind, Finish: finishJSONB, Nulls: true})
	register(fn.JSONObjectAgg, Aggregate{Kind: kind, Finish: finishJSONObject, Nulls: true})
	register(fn.JSONBObjectAgg, Aggregate{Kind: kind, Finish: finishJSONBObject, Nulls: true})
}

// bytesOf returns argument x of an item, nil for NULL. Arguments before it have one word each.
func (c *Call) bytesOf(it *item, x int) []byte {
	if it.nulls>>uint(x)&1 != 0 {
		return nil
	}
	return c.State.Args[x].Strings.Bytes(uint32(it.words[x]))
}

// finishJSON writes an array as json_agg does.
func finishJSON(comma string) func(c *Call, r []uint64, _ uint64, out *Output) error {
	return func(c *Call, r []uint64, _ uint64, out *Output) error {
		items, err := c.items(r[0], out)
		if err != nil {
			return err
		}
		defer out.account.Free(int64(len(items)) * itemBytes)
		v := out.Vector
		v.Data = append(v.Data, '[')
		for j := range items {
			b := c.bytesOf(&items[j], 0)
			if b == nil {
				b = []byte("null")
			}
			if err := out.room(len(b) + len(comma) + 1); err != nil {
				return err
			}
			if j > 0 {
				v.Data = append(v.Data, comma...)
			}
			v.Data = append(v.Data, b...)
		}
		v.Data = append(v.Data, ']')
		v.EndString()
		return nil
	}
}

func nullKey() error {
	return errs.New(errs.InvalidParameterValue, "field name must not be null")
}

// finishJSONObject writes an object, with all of equal keys.
func finishJSONObject(c *Call, r []uint64, _ uint64, out *Output) error {
	items, err := c.items(r[0], out)
	if err != nil {
		return err
	}
	defer out.account.Free(int64(len(items)) * itemBytes)
	v := out.Vector
	v.Data = append(v.Data, "{ "...)
	for j := range items {
		key, value := c.bytesOf(&items[j], 0), c.bytesOf(&items[j], 1)
		if key == nil {
			return nullKey()
		}
		if value == nil {
			value = []byte("null")
		}
		if err := out.room(6*len(key) + len(value) + len(`, "" :  }`)); err != nil { // a control character takes six bytes
			return err
		}
		if j > 0 {
			v.Data = append(v.Data, ", "...)
		}
		v.Data = append(jsontext.AppendQuoted(v.Data, key), " : "...)
		v.Data = append(v.Data, value...)
	}
	v.Data = append(v.Data, " }"...)
	v.EndString()
	return nil
}

// built writes what add makes of the items of a list.
func (c *Call) built(r []uint64, out *Output, add func(b *jsonb.Builder, items []item) error) error {
	items, err := c.items(r[0], out)
	if err != nil {
		return err
	}
	defer out.account.Free(int64(len(items)) * itemBytes)
	paid := int64(0)
	defer func() { out.account.Free(paid) }()
	b := jsonb.Builder{Limit: func(n int) error {
		more := int64(n) - paid
		if more <= 0 {
			return nil
		}
		if err := out.account.Reserve(more); err != nil {
			return err
		}
		paid += more
		return nil
	}}
	if err := add(&b, items); err != nil {
		return err
	}
	v := out.Vector
	if err := out.room(b.Size()); err != nil {
		return err
	}
	if v.Data, err = b.Append(v.Data); err != nil {
		return err
	}
	v.EndString()
	return nil
}

func finishJSONB(c *Call, r []uint64, _ uint64, out *Output) error {
	return c.built(r, out, func(b *jsonb.Builder, items []item) error {
		b.BeginArray()
		for j := range items {
			b.Raw(jsonb.Open(c.bytesOf(&items[j], 0)))
		}
		b.EndArray()
		return nil
	})
}

func finishJSONBObject(c *Call, r []uint64, _ uint64, out *Output) error {
	return c.built(r, out, func(b *jsonb.Builder, items []item) error {
		b.BeginObject()
		for j := range items {
			key := c.bytesOf(&items[j], 0)
			if key == nil {
				return nullKey()
			}
			b.Key(key)
			b.Raw(jsonb.Open(c.bytesOf(&items[j], 1)))
		}
		b.EndObject()
		return nil
	})
}
