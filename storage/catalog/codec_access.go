package catalog

import "math"

// The bodies of the kinds by which somebody gets at data, or is kept from them: see codec_objects.go.

func (o *Role) fields(f *fields) {
	f.flag(2, &o.Login)
	f.flag(4, &o.Superuser)
	f.flag(6, &o.CreateRole)
	f.flag(8, &o.Replication)
	f.flag(10, &o.Inherit)
	f.text(12, &o.Verifier)
	f.signed(14, &o.Connections)
	f.signed(16, &o.ValidUntil)
	f.texts(18, &o.MemberOf)
}

func (o *Publication) fields(f *fields) {
	f.flag(2, &o.AllTables)
	number(f, 4, &o.Actions, math.MaxUint32)
}

func (o *Subscription) fields(f *fields) {
	f.text(2, &o.Connection)
	f.texts(4, &o.Publications)
	f.text(6, &o.Slot)
	f.flag(8, &o.Enabled)
}

func (o *Policy) fields(f *fields) {
	number(f, 2, &o.Table, math.MaxUint64)
	number(f, 4, &o.Command, math.MaxUint32)
	f.flag(6, &o.Restrictive)
	f.texts(8, &o.Roles)
	f.text(10, &o.Using)
	f.text(12, &o.Check)
}

func (o *Statistics) fields(f *fields) {
	number(f, 2, &o.Table, math.MaxUint64)
	numbers(f, 4, &o.Columns)
	f.texts(6, &o.Kinds)
}
