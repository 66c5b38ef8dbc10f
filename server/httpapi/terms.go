package httpapi

import (
	"net/http"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
)

// terms compiles what SQL says of the rows of a table for a push, in a session of its own.
func (s *Server) terms(r *http.Request, user string, t *catalog.Table) (*table.Terms, func(), error) {
	conn, err := s.opt.Open(r.Context(), user, remoteAddr(r))
	if err != nil {
		return nil, nil, err
	}
	terms, err := conn.Terms(r.Context(), t)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return terms, conn.Close, nil
}
