package httppush

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
)

// push is a body on its way into a table.
type push struct {
	table    *catalog.Table
	body     *Body
	account  *mem.Account
	draft    *table.Draft
	appender *table.Appender
	policy   policy
	most     int64      // bad rows that are left out; 0: any number
	told     []RowError // the first RowErrorsMax
	first    *errs.Error
}

// policy says what becomes of bad rows.
type policy uint8

const (
	refuse  policy = iota // nothing is stored
	partial               // the others are stored
	reject                // the others are stored, and these in the reject table
)

func (h *Handler) newPush(cat *catalog.Snapshot, t *catalog.Table, body *Body, policy policy) *push {
	p := &push{table: t, body: body, policy: policy, account: h.opt.Pool.Intake("http push", 0)}
	p.draft = table.NewDraft(h.opt.Store, cat, p.account)
	p.draft.Wait = roomWait
	return p
}

// read reads all rows of the body.
func (p *push) read(r *http.Request, terms *table.Terms) error {
	o := table.AppenderOptions{Table: p.table, Terms: terms, Sink: p.draft, Account: p.account, Bad: p.bad}
	o.Keys = p.policy != refuse
	if p.policy == reject {
		o.Rejects = &table.Origin{Source: "http"}
	}
	if p.draft.Token != nil {
		p.body.sum = xxh3.New()
	}
	src := format.NewMeter(p.body, p.account)
	in, err := open(r, src, p.table)
	if err != nil {
		return err
	}
	o.Columns, o.Meter = in.columns, src
	p.appender = table.NewAppender(o)
	rows, err := in.reader(in.src, p.appender, format.Limits{Account: p.account})
	if err != nil {
		return err
	}
	if err := p.appender.Read(r.Context(), rows); err != nil {
		return err
	}
	if p.policy == refuse && p.first != nil {
		return p.refusal()
	}
	if p.draft.Token != nil {
		p.draft.Token.Content, err = p.body.content()
	}
	return err
}

// bad keeps why a row is bad. When nothing will be stored, reading ends with as many as an answer tells.
func (p *push) bad(b *format.BadRow) error {
	if p.first == nil {
		p.first = b.Err
	}
	if len(p.told) < RowErrorsMax {
		p.told = append(p.told, RowError{Index: b.Index, Column: b.Column, Reason: b.Reason(), SQLState: string(b.Err.Code)})
	}
	if p.policy == refuse && len(p.told) == RowErrorsMax || p.most > 0 && p.appender.BadRows() > p.most {
		return p.refusal()
	}
	return nil
}

func (p *push) refusal() error {
	e := *p.first
	if n := p.appender.BadRows(); n > 1 {
		e.WithDetail("%d rows do not fit; nothing was stored.", n)
	} else {
		e.Detail = strings.TrimSpace(e.Detail + " Nothing was stored.")
	}
	return &Error{Err: &e, Rows: p.told}
}

// commit stores what was read.
func (p *push) commit(ctx context.Context) (Answer, error) {
	a := Answer{Rejected: p.appender.BadRows(), Rows: p.told}
	if p.draft.Empty() {
		return a, nil
	}
	ack, err := p.draft.Commit(ctx)
	if err != nil {
		return Answer{}, err
	}
	slices.SortStableFunc(p.told, func(a, b RowError) int { return cmp.Compare(a.Index, b.Index) }) // keys were found last
	a = Answer{Rejected: p.appender.BadRows(), Rows: p.told}
	a.Stored, a.Duplicate, a.Sequence = p.appender.Rows(), ack.Duplicate, ack.Sequence
	if ack.Duplicate { // as many as then
		a.Stored, a.Rejected = ack.Rows, p.appender.Rows()+p.appender.BadRows()-ack.Rows
	}
	return a, nil
}

// end gives the memory back.
func (p *push) end() {
	p.draft.Close()
	p.account.Close()
}
