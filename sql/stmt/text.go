package stmt

import (
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
