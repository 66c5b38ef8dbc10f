package batch

import "sync/atomic"

var dictionaryID atomic.Uint64

// NewDictionaryID returns the ID of a new dictionary, stored or derived: unique in the process, never 0.
func NewDictionaryID() uint64 { return dictionaryID.Add(1) }
