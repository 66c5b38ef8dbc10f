package expr

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// session is that of the server that was asked: its time zone.
type session struct{}

func (session) User() string                  { return "tester" }
func (session) Database() string              { return "test" }
func (session) Setting(string) (string, bool) { return "", false }
func (session) Now() int64                    { return 1373886454000000 }
func (session) StatementTime() int64          { return 1373886454000000 }
func (session) TimeZone() string              { return "America/New_York" }
func (session) Lookup(string, ...types.Datum) (types.Datum, bool, error) {
	return types.Datum{}, false, nil
}

var testEnv = &fn.Context{Session: session{}, Shared: fn.NewShared()}

// answer is what PostgreSQL says: the text of a value, NULL, or an error.
type answer struct {
	typ, text string
	null      bool
	code      errs.Code
}

func loadOracle(t testing.TB) (cases []string, answers []answer) {
	f, err := os.Open("testdata/oracle.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		parts := strings.SplitN(sc.Text(), "\t", 3)
		if len(parts) != 3 {
			t.Fatalf("line %q", sc.Text())
		}
		a := answer{typ: parts[1]}
		switch {
		case parts[1][0] == '!':
			a.code, a.text = errs.Code(parts[1][1:]), parts[2]
		case parts[2] == "null":
			a.null = true
		default:
			a.text = parts[2][1:]
		}
		cases, answers = append(cases, parts[0]), append(answers, a)
	}
	return cases, answers
}

// form is how the constants of a case reach the evaluator.
type form struct {
	name  string
	rows  int
	dict  bool
	nulls bool
}

var forms = []form{{"constant", 0, false, false}, {"flat 1", 1, false, false}, {"flat 3 with nulls", 3, false, true},
	{"dictionary 130 with nulls", 130, true, true}}

// check compares one evaluation with the answer and returns what is wrong.
func check(e Expr, a answer, f form) string {
	b := &batch.Batch{Len: 1}
	var in []types.Type
	if f.rows > 0 {
		e, b, in = columns(e, f)
	}
	ev, err := NewEvaluator(e, in, testEnv)
	if err != nil {
		return wrongError(err, a)
	}
	v, err := ev.Eval(b)
	if err != nil {
		return wrongError(err, a)
	}
	set := &types.Settings{Settings: datetime.Settings{Location: newYork}}
	for i := range b.Len {
		if f.nulls && i%3 == 1 {
			continue // what NULL arguments give is known of strict functions only
		}
		d := v.Datum(i)
		switch {
		case a.code != "":
			return fmt.Sprintf("got %s, want error %s %s", d, a.code, a.text)
		case d.Null != a.null:
			return fmt.Sprintf("row %d: got %s, want %q (null %v)", i, d, a.text, a.null)
		case d.Null:
		default:
			d.Type = e.Type()
			if got := string(types.AppendWith(nil, d, set)); got != a.text && !closeFloats(d, got, a.text) {
				return fmt.Sprintf("row %d: got %q, want %q", i, got, a.text)
			}
		}
	}
	return ""
}

// closeFloats accepts what differs in the last digits of transcendental functions.
func closeFloats(d types.Datum, got, want string) bool {
	if d.Type.Kind != types.Float8 && d.Type.Kind != types.Float4 {
		return false
	}
	w, err := types.ParseFloat64([]byte(want))
	return err == nil && w != 0 && d.F/w > 1-1e-14 && d.F/w < 1+1e-14
}

var newYork, _ = time.LoadLocation("America/New_York")

// refused tells the errors by which a known limit names itself; everything else must be PostgreSQL's.
func refused(message string) bool {
	for _, limit := range []string{"whose value has more than 38 digits", "NaN in numeric(", "a field of an infinite date"} {
		if strings.Contains(message, limit) {
			return true
		}
	}
	return false
}

func wrongError(err error, a answer) string {
	e := errs.From(err)
	switch {
	case e.Code == errs.FeatureNotSupported && refused(e.Message):
		return ""
	case a.code == "":
		return fmt.Sprintf("error %s %s, want %q (null %v)", e.Code, e.Message, a.text, a.null)
	case e.Code != a.code:
		return fmt.Sprintf("error %s %s, want %s %s", e.Code, e.Message, a.code, a.text)
	case e.Message != a.text:
		return fmt.Sprintf("message %q, want %q", e.Message, a.text)
	}
	return ""
}

// columns turns the constants of a tree into columns of a batch.
func columns(e Expr, f form) (Expr, *batch.Batch, []types.Type) {
	b := &batch.Batch{Len: f.rows}
	var in []types.Type
	e = Transform(e, func(e Expr) Expr {
		k, ok := e.(*Const)
		if !ok || k.Value.Null {
			return e
		}
		b.Cols = append(b.Cols, column(k.Value, f))
		in = append(in, k.Value.Type)
		return &Column{Index: len(in) - 1, T: k.Value.Type}
	})
	return e, b, in
}

func column(d types.Datum, f form) *batch.Vector {
	v := &batch.Vector{}
	if f.dict && d.Type.IsString() {
		dict := &batch.Dictionary{ID: 77, Len: 2, Offsets: []uint32{0, 1, 1 + uint32(len(d.S))}, Heap: []byte("?" + d.S)}
		v.ResetDict(d.Type, dict, f.rows)
		for i := range v.Codes {
			v.Codes[i] = 1
		}
	} else {
		v.Reset(d.Type, 0)
		for range f.rows {
			v.AppendDatum(d)
		}
	}
	for i := range f.rows {
		if f.nulls && i%3 == 1 {
			v.Nulls(f.rows).Clear(i)
		}
	}
	return v
}

func TestOracle(t *testing.T) {
	cases, answers := loadOracle(t)
	failed, step := 0, 1
	if testing.Short() {
		step = 5
	}
	for i := 0; i < len(cases); i += step {
		c := cases[i]
		e, err := parseNotation(c)
		problem := ""
		if err != nil {
			problem = wrongError(err, answers[i])
		} else if got := (types.Type{Kind: e.Type().Kind, Elem: e.Type().Elem}).String(); answers[i].code == "" && got != answers[i].typ {
			problem = fmt.Sprintf("type %s, want %s", got, answers[i].typ)
		} else {
			for _, f := range forms {
				env := *testEnv
				env.Shared = fn.NewShared()
				if problem = check(e, answers[i], f); problem != "" {
					problem = f.name + ": " + problem
					break
				}
			}
		}
		if problem != "" {
			if failed++; failed <= 60 {
				t.Errorf("%s: %s", c, problem)
			}
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d cases differ", failed, len(cases))
	}
}
