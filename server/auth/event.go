package auth

import (
	"fmt"
	"net"
	"strings"
)

// Event is a client that was let in, or was not. It never holds a password or a token, whole or in part.
type Event struct {
	// Door is where the client came: "pg" or "http".
	Door string
	// User is the name that the client gave, the first userShownBytes of it; "" for none.
	User   string
	Remote net.Addr
	// Method is how the client had to prove who it is; "" when it was refused before that mattered.
	Method string
	// Err is why the client was refused; nil: it was let in.
	Err error
}

// Listener is told of events, by the goroutines of the connections. It must be quick.
type Listener func(Event)

// userShownBytes is what an event keeps of a name: PostgreSQL's names are no longer, and who guesses should not write the log.
const userShownBytes = 63

// NewEvent makes the event of a client.
func NewEvent(door, user string, remote net.Addr, method string, err error) Event {
	if len(user) > userShownBytes {
		user = strings.ToValidUTF8(user[:userShownBytes], "")
	}
	return Event{Door: door, User: user, Remote: remote, Method: method, Err: err}
}

// String prints the event for a log.
func (e Event) String() string {
	s := "login"
	if e.Err != nil {
		s = "login refused"
	}
	s += fmt.Sprintf(" door=%s user=%q", e.Door, e.User)
	if e.Remote != nil {
		s += " remote=" + e.Remote.String()
	}
	if e.Method != "" {
		s += " method=" + e.Method
	}
	if e.Err != nil {
		s += fmt.Sprintf(" error=%q", e.Err.Error())
	}
	return s
}
