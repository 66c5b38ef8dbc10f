package session_test

import (
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// noticed keeps what it is told.
type noticed struct {
	*client
	messages []string
}

func (n *noticed) Notice(_, _, message string, _ ...string) error {
	n.messages = append(n.messages, message)
	return nil
}

// TestCopyVerbose: LOG_VERBOSITY verbose tells of each row that is left out, in PostgreSQL's words.
func TestCopyVerbose(t *testing.T) {
	s := open(t).session()
	must(t, s, "CREATE TABLE t (a int NOT NULL, b date)")
	for _, c := range []struct {
		options, input string
		want           []string
	}{
		{"ON_ERROR ignore, LOG_VERBOSITY verbose", "1\t2020-01-01\nx\t2020-01-01\n3\tnever, line 4, column b: \"\n", []string{
			`skipping row due to data type incompatibility at line 2 for column "a": "x"`,
			`skipping row due to data type incompatibility at line 3 for column "b": "never, line 4, column b: ""`,
			"2 rows were skipped due to data type incompatibility"}},
		{"ON_ERROR ignore, LOG_VERBOSITY 'DEFAULT'", "x\t2020-01-01\n", []string{"1 row was skipped due to data type incompatibility"}},
		{"LOG_VERBOSITY verbose", "1\t2020-01-01\n", nil},
		{"ON_ERROR reject, LOG_VERBOSITY verbose, FORMAT csv", "1\nx,2020-01-01\n,2020-01-02\n", []string{
			`rejecting row at line 1 for column "b": missing data for column "b"`,
			`rejecting row at line 2 for column "a": invalid input syntax for type integer: "x"`,
			`rejecting row at line 3 for column "a": null value in column "a" of relation "t" violates not-null constraint: Failing row contains (null, 2020-01-02).`,
			`3 rows were rejected into "t_rejects"`}},
		{"ON_ERROR ignore, LOG_VERBOSITY loud", "", []string{`22023 COPY LOG_VERBOSITY "loud" not recognized`}},
		{"LOG_VERBOSITY verbose, LOG_VERBOSITY verbose", "", []string{"42601 conflicting or redundant options"}},
	} {
		n := &noticed{client: &client{input: c.input}}
		if err := s.Simple(ctx, "COPY t FROM STDIN ("+c.options+")", n); err != nil {
			e := errs.From(err)
			n.messages = append(n.messages, string(e.Code)+" "+e.Message)
		}
		if !slices.Equal(n.messages, c.want) {
			t.Errorf("%s:\n%q, want\n%q", c.options, n.messages, c.want)
		}
	}
}
