package stmt

import (
	"strings"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// datumText prints a value as the session would see it.
func datumText(set *types.Settings, d types.Datum) string {
	v := &batch.Vector{}
	v.ResetConstant(d, 1)
	return string(pgtype.TextEncoder(d.Type, set)(nil, v, 0))
}

// QuoteIdent quotes a name where SQL needs it.
func QuoteIdent(s string) string {
	plain := s != ""
	for i, c := range []byte(s) {
		if !(c == '_' || c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			plain = false
		}
	}
	if plain {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
