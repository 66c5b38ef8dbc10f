package catalog

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/field"
)

// The bodies of the kinds by which somebody gets at data, or is kept from them: see codec_objects.go.

func (o *Role) write(w *field.Writer) {
	w.Bool(2, o.Login)
	w.Bool(4, o.Superuser)
	w.Bool(6, o.CreateRole)
	w.Bool(8, o.Replication)
	w.Bool(10, o.Inherit)
	w.String(12, o.Verifier)
	w.Int(14, o.Connections)
	w.Int(16, o.ValidUntil)
	writeStrings(w, 18, o.MemberOf)
}

func (o *Role) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Login = r.Bool()
		case 4:
			o.Superuser = r.Bool()
		case 6:
			o.CreateRole = r.Bool()
		case 8:
			o.Replication = r.Bool()
		case 10:
			o.Inherit = r.Bool()
		case 12:
			o.Verifier = r.String()
		case 14:
			o.Connections = r.Int()
		case 16:
			o.ValidUntil = r.Int()
		case 18:
			o.MemberOf = append(o.MemberOf, r.String())
		default:
			return false
		}
		return true
	})
}

func (o *Publication) write(w *field.Writer) {
	w.Bool(2, o.AllTables)
	w.Uint(4, uint64(o.Actions))
}

func (o *Publication) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.AllTables = r.Bool()
		case 4:
			o.Actions = Privilege(number(r, math.MaxUint32))
		default:
			return false
		}
		return true
	})
}

func (o *Subscription) write(w *field.Writer) {
	w.String(2, o.Connection)
	writeStrings(w, 4, o.Publications)
	w.String(6, o.Slot)
	w.Bool(8, o.Enabled)
}

func (o *Subscription) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Connection = r.String()
		case 4:
			o.Publications = append(o.Publications, r.String())
		case 6:
			o.Slot = r.String()
		case 8:
			o.Enabled = r.Bool()
		default:
			return false
		}
		return true
	})
}

func (o *Policy) write(w *field.Writer) {
	w.Uint(2, uint64(o.Table))
	w.Uint(4, uint64(o.Command))
	w.Bool(6, o.Restrictive)
	writeStrings(w, 8, o.Roles)
	w.String(10, o.Using)
	w.String(12, o.Check)
}

func (o *Policy) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Table = ID(r.Uint())
		case 4:
			o.Command = Privilege(number(r, math.MaxUint32))
		case 6:
			o.Restrictive = r.Bool()
		case 8:
			o.Roles = append(o.Roles, r.String())
		case 10:
			o.Using = r.String()
		case 12:
			o.Check = r.String()
		default:
			return false
		}
		return true
	})
}

func (o *Statistics) write(w *field.Writer) {
	w.Uint(2, uint64(o.Table))
	writeIDs(w, 4, o.Columns)
	writeStrings(w, 6, o.Kinds)
}

func (o *Statistics) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Table = ID(r.Uint())
		case 4:
			o.Columns = readIDs[uint32](r)
		case 6:
			o.Kinds = append(o.Kinds, r.String())
		default:
			return false
		}
		return true
	})
}
