package batch

import "sync/atomic"

var dictionaryID atomic.Uint64

// NewDictionaryID returns an ID for a stored dictionary, below 1<<63; derived dictionaries use those above.
func NewDictionaryID() uint64 { return dictionaryID.Add(1) }
