package fn

import (
	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/engine/fn/pattern"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	for _, o := range []struct {
		name      string
		fold, not bool
	}{{"~~", false, false}, {"!~~", false, true}, {"~~*", true, false}, {"!~~*", true, true}} {
		for _, t := range list(tText, tName, tChar) {
			registerOp(&Overload{Name: o.name, Args: list(t, tText), Result: returns(tBool), Total: true,
				Eval: likeEval(o.fold, o.not, nil),
				Prepare: func(_ *Context, _ []types.Type, _ types.Type, consts []*types.Datum) (Eval, error) {
					if consts[1] == nil || consts[1].Null {
						return nil, nil
					}
					p := pattern.CompileLike([]byte(consts[1].S), o.fold)
					if p.Dangling != nil {
						return nil, pattern.EndsWithEscape()
					}
					return likeEval(o.fold, o.not, p), nil
				}})
		}
	}
	registerOp(&Overload{Name: "~~", Args: list(tBytea, tBytea), Result: returns(tBool), Eval: likeEval(false, false, nil)},
		&Overload{Name: "!~~", Args: list(tBytea, tBytea), Result: returns(tBool), Eval: likeEval(false, true, nil)})
	register(&Overload{Name: "like_escape", Args: list(tText, tText), Result: returns(tText),
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return pattern.LikeEscape(notNil(dst), r.bytes(0), r.bytes(1))
		})})
	textFn("similar_to_escape", list(tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return pattern.Similar(notNil(dst), r.bytes(0), []byte{'\\'})
	})
	textFn("similar_to_escape", list(tText, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return pattern.Similar(notNil(dst), r.bytes(0), r.bytes(1))
	})
}

// likeEval matches against a compiled pattern, or compiles the pattern of each row (that of the row before is kept).
func likeEval(fold, not bool, p *pattern.Like) Eval {
	var buf []byte
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		a := viewText(args[0])
		switch {
		case p != nil && !fold:
			p.Column(args[0], n, valid, bits)
		case p != nil:
			for i := range n {
				if !live(valid, i) {
					continue
				}
				buf = chars.MapCase(buf[:0], a.at(i), false)
				if p.Match(buf) {
					bits.Set(i)
				}
			}
		default:
			if err := likeEach(a, viewText(args[1]), fold, n, valid, bits); err != nil {
				return err
			}
		}
		if not {
			bits.Not(n)
		}
		return nil
	}
}

func likeEach(a, b text, fold bool, n int, valid, bits batch.Bitmap) error {
	var p *pattern.Like
	var last, buf []byte
	for i := range n {
		if !live(valid, i) {
			continue
		}
		if pat := b.at(i); p == nil || string(pat) != string(last) {
			p, last = pattern.CompileLike(pat, fold), pat
		}
		s := a.at(i)
		if fold {
			buf = chars.MapCase(buf[:0], s, false)
			s = buf
		}
		if p.Dangling != nil {
			if _, err := pattern.MatchDangling(s, p.Dangling); err != nil {
				return err
			}
		} else if p.Match(s) {
			bits.Set(i)
		}
	}
	return nil
}
