package session

import (
	"github.com/siltstone-db/siltstone/storage/types"
)

// typeSettings makes the settings of package types from the session's.
func typeSettings(s *settings) *types.Settings {
	set := &types.Settings{ByteaEscape: s.raw("bytea_output") == "escape"}
	if loc, err := types.LoadZone(s.raw("timezone")); err == nil {
		set.Location = loc
	}
	return set
}
