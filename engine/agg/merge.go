package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"math"
	"math/bits"
)

// merge adds the states of another group with the same key to dst. Both slices begin at the first word after the key.
func (p *program) merge(sd *side, dst, src []uint64) error {
	for i := range p.inputs {
		dst[p.inputs[i].skip] += src[p.inputs[i].skip]
	}
	for i := range p.states {
		s := &p.states[i]
		n := stateWords[s.kind]
		if err := s.merge(sd, dst[s.at:s.at+n], src[s.at:s.at+n], p.stringsOf(sd, s)); err != nil {
			return err
		}
	}
	return nil
}

// stringsOf returns the strings that a state's argument refers to, nil when it has none.
func (p *program) stringsOf(sd *side, s *state) *hashtable.Interner {
	if in := &p.inputs[s.in]; len(in.cols) > 0 {
		return sd.strings[in.cols[0]]
	}
	for i := range p.sets {
		for _, x := range p.sets[i].states {
			if &p.states[x] == s {
				return sd.sets[i]
			}
		}
	}
	return nil
}

func (s *state) merge(sd *side, r, o []uint64, strings *hashtable.Interner) error {
	switch s.kind {
	case stateCount, stateSum64:
		r[0] += o[0]
	case stateSum128:
		lo, c := bits.Add64(r[0], o[0], 0)
		r[0] = lo
		r[1] += o[1] + c
	case stateSum192:
		add192(r, o[0], o[1], o[2])
	case stateSumFloat:
		a, b := math.Float64frombits(r[0]), math.Float64frombits(o[0])
		if overflowed(a+b, a, b) {
			return floatRange()
		}
		r[0] = math.Float64bits(a + b)
	case stateMax64:
		r[0] = max(r[0], o[0])
	case stateMax128:
		if o[1] > r[1] || o[1] == r[1] && o[0] > r[0] {
			r[0], r[1] = o[0], o[1]
		}
	case stateMaxBytes:
		if o[0] != 0 {
			s.keepBytes(strings, &r[0], o[0])
		}
	case stateMaxSpan:
		if o[0] != 0 {
			s.keepSpan(r, o[1:])
		}
	case stateSumSpan:
		sum := int64(r[2]) + int64(o[2])
		if (int64(r[2])^sum)&(int64(o[2])^sum) < 0 {
			return intervalRange()
		}
		r[0], r[1], r[2] = r[0]+o[0], r[1]+o[1], uint64(sum)
	case stateFirst:
		if r[0] == 0 {
			copy(r, o)
		}
	case stateSquares:
		lo, c := bits.Add64(r[0], o[0], 0)
		r[0] = lo
		r[1] += o[1] + c
		add192(r[2:], o[2], o[3], o[4])
	case stateMoments:
		return mergeMoments(r, o)
	case stateSumDecimal:
		return sd.decimals.plus(&r[0], sd.decimals.get(o[0]))
	case stateDecimals:
		if err := sd.decimals.plus(&r[0], sd.decimals.get(o[0])); err != nil {
			return err
		}
		return sd.decimals.plus(&r[1], sd.decimals.get(o[1]))
	case stateList:
		sd.lists.link(r, o[0], o[1])
	}
	return nil
}

// mergeMoments is the combination of Youngs and Cramer, as in PostgreSQL's float8_combine.
func mergeMoments(r, o []uint64) error {
	n1, n2 := math.Float64frombits(r[0]), math.Float64frombits(o[0])
	switch {
	case n2 == 0:
		return nil
	case n1 == 0:
		copy(r, o)
		return nil
	}
	sx1, sx2 := math.Float64frombits(r[1]), math.Float64frombits(o[1])
	d := sx1/n1 - sx2/n2
	sxx1, sxx2 := math.Float64frombits(r[2]), math.Float64frombits(o[2])
	sxx := sxx1 + sxx2 + n1*n2*d*d/(n1+n2)
	if overflowed(sx1+sx2, sx1, sx2) || overflowed(sxx, sxx1, sxx2) {
		return floatRange()
	}
	r[0], r[1], r[2] = math.Float64bits(n1+n2), math.Float64bits(sx1+sx2), math.Float64bits(sxx)
	return nil
}
