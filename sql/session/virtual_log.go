package session

import (
	"fmt"
	"time"

	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/catalog"
)

// logFiles returns the rows of siltstone.log.
func logFiles(db *storage.DB, c *catalog.Snapshot) []pgcatalog.LogFile {
	var all []pgcatalog.LogFile
	for _, i := range db.Archive().List() {
		f := pgcatalog.LogFile{State: string(i.State), Number: int64(i.Number), First: int64(i.First), Last: int64(i.Last), Bytes: i.Bytes,
			Plain: i.Plain, FirstTime: i.From * int64(time.Second/time.Microsecond), LastTime: i.To * int64(time.Second/time.Microsecond),
			Holders: append([]string{}, i.Holders...)}
		for _, id := range i.Tables {
			if t := c.TableByID(id); t != nil {
				f.Tables = append(f.Tables, t.Schema+"."+t.Name)
			} else if c.Object(id) == nil {
				f.Tables = append(f.Tables, fmt.Sprintf("id %d", id)) // it was dropped
			}
		}
		all = append(all, f)
	}
	return all
}
