package httpapi

import (
	"container/list"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// peers are the connections, of which there are at most max beside those that only ask for health. One too many closes
// the one that has kept us waiting longest, be it for a request, the rest of one, or its body: so half-sent requests
// cannot keep others out, however many there are. A request that came in whole is never ended for a new connection: when
// all are at work, a new one is told so, and /healthz is answered.
type peers struct {
	max int

	mu struct {
		sync.Mutex
		all     map[net.Conn]*peer
		waiting *list.List // of *peer: those that we wait for, longest first
	}
}

// peer is one connection.
type peer struct {
	nc      net.Conn
	waiting *list.Element // in peers.mu.waiting; nil: at work
	spare   bool          // came when all others were at work
}

func newPeers(max int) *peers {
	p := &peers{max: max}
	p.mu.all = map[net.Conn]*peer{}
	p.mu.waiting = list.New()
	return p
}

// changed follows the states of connections for http.Server.
func (p *peers) changed(nc net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		c := &peer{nc: nc, spare: len(p.mu.all) >= p.max && !p.closeOneLocked()}
		p.mu.all[nc] = c
		p.waitLocked(c)
	case http.StateActive, http.StateIdle:
		if c := p.mu.all[nc]; c != nil {
			p.waitLocked(c)
		}
	case http.StateClosed, http.StateHijacked:
		if c := p.mu.all[nc]; c != nil {
			p.dropLocked(c)
		}
	}
}

// closeOneLocked closes the connection that has kept us waiting longest, if there is one. http.Server hears of it by its
// read, and tells changed then; it does not count from now on.
func (p *peers) closeOneLocked() bool {
	oldest := p.mu.waiting.Front()
	if oldest == nil {
		return false
	}
	c := oldest.Value.(*peer)
	p.dropLocked(c)
	nc := c.nc
	if secure, ok := nc.(*tls.Conn); ok { // whose own Close says goodbye, and may wait for that
		nc = secure.NetConn()
	}
	nc.Close()
	return true
}

func (p *peers) dropLocked(c *peer) {
	p.workLocked(c)
	delete(p.mu.all, c.nc)
}

// waitLocked says that we wait for a connection from now on.
func (p *peers) waitLocked(c *peer) {
	p.workLocked(c)
	c.waiting = p.mu.waiting.PushBack(c)
}

// workLocked says that a connection need not send anything now.
func (p *peers) workLocked(c *peer) {
	if c.waiting != nil {
		p.mu.waiting.Remove(c.waiting)
		c.waiting = nil
	}
}

// peerKey is the context's key of a connection.
type peerKey struct{}

// context gives requests their connection.
func (p *peers) context(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, nc)
}

// follow makes the connection of a request one at work when the request is there as a whole.
func (p *peers) follow(r *http.Request) {
	nc, ok := r.Context().Value(peerKey{}).(net.Conn)
	if !ok { // a test without a connection
		return
	}
	if r.Body == nil || r.Body == http.NoBody {
		p.work(nc)
		return
	}
	r.Body = &followedBody{ReadCloser: r.Body, peers: p, nc: nc}
}

// work says that a connection has sent a whole request.
func (p *peers) work(nc net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.mu.all[nc]; c != nil {
		p.workLocked(c)
	}
}

// refuse tells a request of a connection too many to come again; there is always room for one that asks for health.
func (p *peers) refuse(r *http.Request) error {
	nc, ok := r.Context().Value(peerKey{}).(net.Conn)
	if !ok || r.URL.Path == "/healthz" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.mu.all[nc]
	if c == nil || !c.spare {
		return nil
	}
	if len(p.mu.all) <= p.max { // others have gone
		c.spare = false
		return nil
	}
	return withStatus(http.StatusServiceUnavailable, errs.New(errs.TooManyConnections, "%d HTTP connections are at work", p.max))
}

// followedBody is a body that tells when it was read to its end.
type followedBody struct {
	io.ReadCloser
	peers *peers
	nc    net.Conn
	ended bool
}

// Read reads on.
func (b *followedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.ended {
		b.ended = true
		b.peers.work(b.nc)
	}
	return n, err
}
