package jsonb

import (
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// Parse reads a JSON text as the value that comes next.
func (b *Builder) Parse(text []byte) error {
	p := &b.parser
	p.Reset(text, true)
	for {
		e, err := p.Next()
		if err != nil {
			return err
		}
		switch e {
		case jsontext.Done:
			return b.err
		case jsontext.BeginObject:
			b.BeginObject()
		case jsontext.EndObject:
			b.EndObject()
		case jsontext.BeginArray:
			b.BeginArray()
		case jsontext.EndArray:
			b.EndArray()
		case jsontext.Key:
			b.Key(p.Text())
		case jsontext.Scalar:
			err = b.Token(p.Token(), p.Text())
		}
		if err == nil {
			err = b.err
		}
		if err != nil {
			return err
		}
	}
}

// Token adds a scalar that a parser found.
func (b *Builder) Token(t jsontext.Token, text []byte) error {
	switch t {
	case jsontext.String:
		b.String(text)
	case jsontext.Number:
		return b.Number(text)
	case jsontext.True, jsontext.False:
		b.Bool(t == jsontext.True)
	default:
		b.Null()
	}
	return b.err
}

// AppendParsed appends the encoding of a JSON text.
func (b *Builder) AppendParsed(dst, text []byte) ([]byte, error) {
	b.Reset()
	if err := b.Parse(text); err != nil {
		return dst, err
	}
	return b.Append(dst)
}
