package jsontext

import "github.com/siltstone-db/siltstone/storage/errs"

// Event is what a Parser found.
type Event uint8

// The events. Scalar is a string, number, true, false or null; Done comes once, behind the value.
const (
	Done Event = iota
	BeginObject
	EndObject
	Key
	BeginArray
	EndArray
	Scalar
)

// MaxDepth is how many brackets may be open. PostgreSQL's parser recurses, and gives up between 10,000 and 20,000 levels
// with the stack that it has by default; everything of ours that recurses over values relies on this bound.
const MaxDepth = 10_000

// TooDeep is PostgreSQL's error for values that are nested too deeply.
func TooDeep() error {
	return errs.New(errs.StatementTooComplex, "stack depth limit exceeded").
		WithHint("JSON values nest at most %d levels deep.", MaxDepth)
}

// state is what may come next.
type state uint8

const (
	anyValue state = iota
	firstKey
	nextKey
	firstElement
	behindKey
	behindValue
	finished
)

// Parser hands out the events of one JSON text.
type Parser struct {
	lex     lexer
	stack   []byte // '{' or '[' of each open bracket
	state   state
	advance bool // the token at hand was used
}

// Reset starts a text. With unescape, Text returns strings without their escapes, and escapes that are no characters
// are errors; otherwise it returns them as written. The parser keeps no part of in beyond the next Reset.
func (p *Parser) Reset(in []byte, unescape bool) {
	p.lex = lexer{in: in, line: 1, unescape: unescape, buf: p.lex.buf[:0]}
	p.stack, p.state, p.advance = p.stack[:0], anyValue, true
}

// Depth returns how many brackets are open.
func (p *Parser) Depth() int { return len(p.stack) }

// Token tells which scalar it is, behind Scalar.
func (p *Parser) Token() Token { return p.lex.token }

// Text returns the string of a key or a scalar, or the text of a number. It is valid until the next call of Next.
func (p *Parser) Text() []byte {
	if p.lex.token == String {
		return p.lex.text
	}
	return p.lex.in[p.lex.start:p.lex.end]
}

// Span returns where the token of the last event stands in the input.
func (p *Parser) Span() (start, end int) { return p.lex.start, p.lex.end }

// Next returns the next event.
func (p *Parser) Next() (Event, error) {
	if p.advance {
		p.advance = false
		if err := p.lex.next(); err != nil {
			return Done, err
		}
	}
	l := &p.lex
	switch p.state {
	case firstKey:
		if l.token == '}' {
			return p.pop(EndObject), nil
		}
		if l.token != String {
			return Done, p.expected(`string or "}"`)
		}
		return p.key()
	case nextKey:
		if l.token != String {
			return Done, p.expected("string")
		}
		return p.key()
	case firstElement:
		if l.token == ']' {
			return p.pop(EndArray), nil
		}
		return p.value()
	case behindValue:
		return p.behind()
	case finished:
		return Done, nil
	}
	return p.value()
}

// key ends a key. The colon is read with the value, so that the string stays.
func (p *Parser) key() (Event, error) {
	p.state, p.advance = behindKey, true
	return Key, nil
}

func (p *Parser) value() (Event, error) {
	l := &p.lex
	if p.state == behindKey {
		if l.token != ':' {
			return Done, p.expected(`":"`)
		}
		if err := l.next(); err != nil {
			return Done, err
		}
	}
	p.advance = true
	switch l.token {
	case '{':
		return BeginObject, p.push('{', firstKey)
	case '[':
		return BeginArray, p.push('[', firstElement)
	case String, Number, True, False, Null:
		p.state = behindValue
		return Scalar, nil
	}
	return Done, p.expected("JSON value")
}

func (p *Parser) push(bracket byte, s state) error {
	if len(p.stack) == MaxDepth {
		return TooDeep()
	}
	p.stack = append(p.stack, bracket)
	p.state = s
	return nil
}

func (p *Parser) pop(e Event) Event {
	p.stack = p.stack[:len(p.stack)-1]
	p.state, p.advance = behindValue, true
	return e
}

// behind reads what stands behind a value.
func (p *Parser) behind() (Event, error) {
	l := &p.lex
	if len(p.stack) == 0 {
		if l.token != End {
			return Done, p.expected("end of input")
		}
		p.state = finished
		return Done, nil
	}
	object := p.stack[len(p.stack)-1] == '{'
	switch {
	case l.token == ',':
		if err := l.next(); err != nil {
			return Done, err
		}
		if object {
			p.state = nextKey
		} else {
			p.state = anyValue
		}
		return p.Next()
	case object && l.token == '}':
		return p.pop(EndObject), nil
	case !object && l.token == ']':
		return p.pop(EndArray), nil
	case object:
		return Done, p.expected(`"," or "}"`)
	}
	return Done, p.expected(`"," or "]"`)
}

func (p *Parser) expected(what string) error {
	l := &p.lex
	if l.token == End {
		return l.syntax("The input string ended unexpectedly.")
	}
	return l.syntax("Expected %s, but found \"%s\".", what, l.in[l.start:l.end])
}

// Check tells whether a text is JSON, as PostgreSQL's json type wants it.
func (p *Parser) Check(in []byte) error {
	p.Reset(in, false)
	for {
		if e, err := p.Next(); err != nil || e == Done {
			return err
		}
	}
}
