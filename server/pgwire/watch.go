package pgwire

import "time"

// watch looks at running statements every WatchInterval and cancels those whose client went away: nobody would read
// their answer. One goroutine for all sessions costs a statement two atomic stores and short statements nothing else.
func (s *Server) watch() {
	tick := time.NewTicker(s.opt.WatchInterval)
	defer tick.Stop()
	var conns []*conn
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		conns = s.all(conns[:0])
		for _, c := range conns {
			if c.state.Load() == stateRunning && peerGone(c.nc) {
				c.interrupt()
			}
		}
		clear(conns)
	}
}
