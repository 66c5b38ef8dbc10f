package httpapi

import (
	"io"
	"net/http"
	"time"
)

// lingerTime is how long the rest of a body that nobody wants is read: most clients send all of a request before they
// read a word of the answer, and a connection that is closed with unread bytes is reset, the answer lost with it.
const lingerTime = 2 * time.Second

// leaveBody makes an answer go out at once though the request's body has not come as a whole, and end its connection.
// The function that it returns is called behind the answer and reads on for a while.
func leaveBody(w http.ResponseWriter, r *http.Request) (linger func()) {
	body, ok := r.Body.(*followedBody)
	if !ok || body.ended {
		return func() {}
	}
	w.Header().Set("Connection", "close")
	return func() {
		c := http.NewResponseController(w)
		if c.Flush() != nil || r.Header.Get("Expect") != "" { // who asks before it sends has not sent
			return
		}
		if c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.Copy(io.Discard, body)
		}
	}
}
