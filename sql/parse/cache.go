package parse

import (
	"container/list"
	"sync"
)

// Cache remembers the statements of texts, the most recently used ones, within a number of bytes. It is safe for
// concurrent use; two goroutines that miss on one text both parse it.
type Cache struct {
	limitBytes int
	mu         struct {
		sync.Mutex
		entries map[string]*list.Element
		order   list.List // of *cached, most recently used first
		bytes   int
	}
}

type cached struct {
	text       string
	statements []Statement
	bytes      int
}

// NewCache returns a cache that holds trees of about limitBytes.
func NewCache(limitBytes int) *Cache {
	c := &Cache{limitBytes: limitBytes}
	c.mu.entries = map[string]*list.Element{}
	return c
}

// Parse returns the statements of a text, parsed now or before. Errors are not remembered. A text whose tree would take
// more than an eighth of the cache is not kept.
func (c *Cache) Parse(text string) ([]Statement, error) {
	c.mu.Lock()
	if e, ok := c.mu.entries[text]; ok {
		c.mu.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cached).statements, nil
	}
	c.mu.Unlock()
	statements, bytes, err := parse(text)
	if err != nil {
		return nil, err
	}
	if bytes <= c.limitBytes/8 {
		c.keep(&cached{text: text, statements: statements, bytes: bytes})
	}
	return statements, nil
}

func (c *Cache) keep(e *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.mu.entries[e.text]; ok {
		return
	}
	c.mu.entries[e.text] = c.mu.order.PushFront(e)
	c.mu.bytes += e.bytes
	for c.mu.bytes > c.limitBytes {
		last := c.mu.order.Back()
		old := last.Value.(*cached)
		c.mu.order.Remove(last)
		delete(c.mu.entries, old.text)
		c.mu.bytes -= old.bytes
	}
}

// Bytes returns what the kept trees weigh, as estimated.
func (c *Cache) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.bytes
}
