package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// walk goes through a file and writes a call of the hook (hook.go) around whatever may be changed.
type walk struct {
	*source
	file *sourceFile
}

// The kinds of faults. The names are those that other tools have for the same.
const (
	boundary  = "CONDITIONALS_BOUNDARY" // < for <=
	negation  = "CONDITIONALS_NEGATION" // < for >=, == for !=
	arith     = "ARITHMETIC_BASE"       // + for -, * for /
	increment = "INCREMENT_DECREMENT"   // ++ for --
	negative  = "INVERT_NEGATIVES"      // x for -x
	dropped   = "CONDITION_DROPPED"     // x for x && y, y for x || y
	statement = "STATEMENT_DROPPED"     // nothing for a call or an assignment
)

func (w *walk) offset(p token.Pos) int { return w.fset.Position(p).Offset }

// add notes a fault of what begins at pos, and returns its number; 0 if the line takes none.
func (w *walk) add(kind string, pos token.Pos) int {
	at := w.fset.Position(pos)
	if w.without[fmt.Sprintf("%s:%d", w.file.name, at.Line)] {
		return 0
	}
	from := at.Offset - (at.Column - 1)
	line := w.file.text[from:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	f := &fault{id: len(w.faults) + 1, kind: kind, file: w.file, line: at.Line, column: at.Column, source: string(line)}
	w.faults = append(w.faults, f)
	return f.id
}

func (w *walk) put(at, end token.Pos, format string, args ...any) {
	w.file.edits = append(w.file.edits, edit{w.offset(at), w.offset(end), fmt.Sprintf(format, args...)})
}

func (w *walk) insert(at token.Pos, format string, args ...any) { w.put(at, at, format, args...) }

// into visits a node. Constants stay as they are: types, cases and other constants count on them.
func (w *walk) into(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.VAR
		case *ast.BinaryExpr:
			return !w.binary(n)
		case *ast.UnaryExpr:
			return !w.unary(n)
		case *ast.IncDecStmt:
			return !w.step(n)
		case *ast.BlockStmt:
			w.list(n.List)
			return false
		case *ast.CaseClause:
			for _, e := range n.List {
				w.into(e)
			}
			w.list(n.Body)
			return false
		case *ast.CommClause:
			w.list(n.Body)
			return false
		case ast.Expr:
			return w.info.Types[n].Value == nil
		}
		return true
	})
}

// binary writes a hook around an operation, and tells whether it has been here.
func (w *walk) binary(n *ast.BinaryExpr) bool {
	if w.info.Types[n].Value != nil {
		return true
	}
	t := w.info.Types[n.X].Type
	if y := w.info.Types[n.Y].Type; isNil(t) || w.info.Types[n.X].Value != nil {
		t = y
	}
	call := map[token.Token]string{token.ADD: "Add", token.SUB: "Sub", token.MUL: "Mul", token.QUO: "Div", token.REM: "Rem",
		token.LSS: "Less", token.LEQ: "AtMost", token.GTR: "More", token.GEQ: "AtLeast"}[n.Op]
	switch n.Op {
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM:
		if basic, ok := t.Underlying().(*types.Basic); ok && basic.Info()&types.IsNumeric == 0 {
			return false
		}
		return w.call(n, call, w.add(arith, n.OpPos))
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		id := w.add(boundary, n.OpPos)
		w.add(negation, n.OpPos)
		return w.call(n, call, id)
	case token.EQL, token.NEQ:
		id := w.add(negation, n.OpPos)
		if id == 0 {
			return false
		}
		w.insert(n.Pos(), "fault_Not(%d, ", id)
		w.into(n.X)
		w.into(n.Y)
		w.insert(n.End(), ")")
		return true
	case token.LAND, token.LOR:
		id := w.add(dropped, n.OpPos)
		if id == 0 {
			return false
		}
		w.add(dropped, n.OpPos)
		for i, x := range []ast.Expr{n.X, n.Y} {
			w.insert(x.Pos(), "fault_Drop(%d, %t, ", id+i, n.Op == token.LAND)
			w.into(x)
			w.insert(x.End(), ")")
		}
		return true
	}
	return false
}

// call writes a hook around x op y.
func (w *walk) call(n *ast.BinaryExpr, name string, id int) bool {
	if id == 0 {
		return false
	}
	w.insert(n.Pos(), "fault_%s(%d, ", name, id)
	w.into(n.X)
	w.put(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), ",")
	w.into(n.Y)
	w.insert(n.End(), ")")
	return true
}

// unary does so for -x.
func (w *walk) unary(n *ast.UnaryExpr) bool {
	t := w.info.Types[n]
	if n.Op != token.SUB {
		return false
	}
	of := ""
	if t.Value != nil {
		basic, ok := t.Type.(*types.Basic)
		if !ok || basic.Info()&types.IsUntyped != 0 {
			return true
		}
		of = "[" + basic.Name() + "]"
	}
	id := w.add(negative, n.OpPos)
	if id == 0 {
		return false
	}
	w.put(n.OpPos, n.OpPos+1, "fault_Minus%s(%d, ", of, id)
	w.into(n.X)
	w.insert(n.End(), ")")
	return true
}

// step does so for x++ and x--, in which x is computed twice.
func (w *walk) step(n *ast.IncDecStmt) bool {
	id := w.add(increment, n.TokPos)
	if id == 0 {
		return false
	}
	x := w.file.text[w.offset(n.X.Pos()):w.offset(n.X.End())]
	name := "Add"
	if n.Tok == token.DEC {
		name = "Sub"
	}
	w.put(n.TokPos, n.TokPos+2, " = fault_%s(%d, %s, 1)", name, id, x)
	return true
}

// list visits the statements of a block.
func (w *walk) list(list []ast.Stmt) {
	for _, s := range list {
		if !w.statements || !droppable(s) {
			w.into(s)
			continue
		}
		id := w.add(statement, s.Pos())
		if id == 0 {
			w.into(s)
			continue
		}
		w.insert(s.Pos(), "if fault_Here(%d) { ", id)
		w.into(s)
		w.insert(s.End(), " }")
	}
}

// droppable tells whether a function compiles without a statement, most of the time.
func droppable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return false
		}
		for _, x := range s.Lhs {
			if name, ok := x.(*ast.Ident); !ok || name.Name != "_" {
				return true
			}
		}
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return true
		}
		name, ok := call.Fun.(*ast.Ident)
		return !ok || name.Name != "panic"
	}
	return false
}

func isNil(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && basic.Kind() == types.UntypedNil
}
