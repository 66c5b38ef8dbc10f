package auth

import (
	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

// Mechanism is the one SASL mechanism offered. SCRAM-SHA-256-PLUS (channel binding) needs TLS with a server
// certificate of a known hash and is not offered.
const Mechanism = "SCRAM-SHA-256"

// Exchange is the SCRAM conversation of one login.
type Exchange struct {
	user  string
	known bool
	conv  *scram.ServerConversation
}

// Begin starts the conversation of a login as user (of the start-up packet: the name inside SCRAM is ignored, as in
// PostgreSQL). A user that does not exist gets a conversation too, which always fails at its end.
func (r *Rules) Begin(user string) *Exchange {
	v, known := r.verifier, r.verifier != nil && user == r.user
	if !known {
		v = r.mockVerifier(user)
	}
	lookup := func(string) (scram.StoredCredentials, error) { return v.credentials(), nil }
	server, err := scram.SHA256.NewServer(lookup)
	if err != nil { // NewServer has no error path for a hash that exists
		panic("auth: " + err.Error())
	}
	return &Exchange{user: user, known: known, conv: server.NewConversation()}
}

// Step takes a message of the client and returns the answer. After the second step without an error the client has
// proven that it knows the password.
func (x *Exchange) Step(message []byte) ([]byte, error) {
	answer, err := x.conv.Step(string(message))
	if err != nil {
		return nil, Failed(x.user)
	}
	if x.conv.Done() && !(x.conv.Valid() && x.known) {
		return nil, Failed(x.user)
	}
	return []byte(answer), nil
}

// prepare normalises a password with SASLprep (RFC 4013), or leaves it as it is when that is not possible.
func prepare(password string) string {
	if p, err := stringprep.SASLprep.Prepare(password); err == nil {
		return p
	}
	return password
}
