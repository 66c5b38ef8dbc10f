// Package auth decides who may log in: host rules pick a method for an address, and SCRAM-SHA-256 (RFC 5802, RFC 7677,
// as PostgreSQL speaks it) checks a password. Its types are Rules, made once from the configuration, Verifier, what is
// kept of a password, Exchange, one login, and Event, what a log may know of one.
//
// Rules and Verifiers are immutable and safe for concurrent use; an Exchange belongs to one login. Clear-text and MD5
// methods of the wire are refused on purpose: there is no way to ask for them.
//
// As after initdb, loopback addresses are trusted. From any other address nobody gets in without a password, and when
// no password is configured nobody gets in at all.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/netip"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Method is how a client proves who it is.
type Method uint8

// The methods.
const (
	Reject Method = iota // nobody gets in
	Trust                // whoever can reach the port
	SCRAM                // SCRAM-SHA-256
)

// String returns the method's name as in pg_hba.conf.
func (m Method) String() string {
	switch m {
	case Trust:
		return "trust"
	case SCRAM:
		return "scram-sha-256"
	}
	return "reject"
}

// Options says who may log in.
type Options struct {
	// User is the one role that has a password.
	User string
	// Password is its clear text or its verifier in PostgreSQL's form; "" for none.
	Password string
	// Token lets who shows it in as User over HTTP, as programs and pages of browsers do; "" for none.
	Token string
	// TrustLoopback lets clients of this machine in without a password.
	TrustLoopback bool
	// TrustAll lets every address in without a password. It has to be asked for.
	TrustAll bool
}

// Rules are the host rules in force.
type Rules struct {
	user          string
	verifier      *Verifier
	token         *[sha256.Size]byte // its digest; nil: there is none
	trustLoopback bool
	trustAll      bool
	mock          [32]byte // keys the salts of users that do not exist
}

// New makes rules from options.
func New(o Options) (*Rules, error) {
	r := &Rules{user: o.User, trustLoopback: o.TrustLoopback, trustAll: o.TrustAll}
	rand.Read(r.mock[:])
	if o.Token != "" {
		digest := sha256.Sum256([]byte(o.Token))
		r.token = &digest
	}
	switch {
	case o.Password == "":
	case IsVerifier(o.Password):
		v, err := ParseVerifier(o.Password)
		if err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
		r.verifier = v
		// The salt of this user survives a restart, so those of others must.
		r.mock = sha256.Sum256(append([]byte("salts of nobody "), v.serverKey...))
	default:
		r.verifier = NewVerifier(o.Password)
	}
	return r, nil
}

// Method returns what a client from an address has to do. An address that is not an IP address counts as remote,
// except that of a pipe inside the process (nil), which counts as local.
func (r *Rules) Method(remote net.Addr) Method {
	switch {
	case r.trustAll, r.trustLoopback && isLoopback(remote):
		return Trust
	case r.verifier != nil:
		return SCRAM
	}
	return Reject
}

func isLoopback(a net.Addr) bool {
	if a == nil {
		return true
	}
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// CheckPassword tells whether a user and a clear-text password fit (HTTP basic authentication). Both unknown users and
// wrong passwords cost one derivation.
func (r *Rules) CheckPassword(user, password string) bool {
	v := r.verifier
	if v == nil {
		return false
	}
	ok := v.Check(password)
	return ok && user == r.user
}

// CheckToken returns the user that a token stands for. Digests are compared, so that the time tells nothing of the token.
func (r *Rules) CheckToken(token string) (user string, ok bool) {
	if r.token == nil {
		return "", false
	}
	digest := sha256.Sum256([]byte(token))
	return r.user, subtle.ConstantTimeCompare(digest[:], r.token[:]) == 1
}

// Failed is the error of a login that did not prove itself: the same for unknown users and wrong passwords.
func Failed(user string) *errs.Error {
	e := errs.New(errs.InvalidPassword, "password authentication failed for user %q", user)
	e.Severity = "FATAL"
	return e
}

// mockVerifier returns the verifier of a user that does not exist: the same salt every time, as long as that of the user
// that does and as many iterations, and keys that no password has.
func (r *Rules) mockVerifier(user string) *Verifier {
	length, iterations := saltBytes, Iterations
	if r.verifier != nil {
		length, iterations = len(r.verifier.salt), r.verifier.iterations
	}
	var salt []byte
	for i := 0; len(salt) < length; i++ {
		salt = append(salt, mac(r.mock[:], fmt.Sprintf("salt %d of %s", i, user))...)
	}
	keys := sha256.Sum256(append(r.mock[:], user...))
	return &Verifier{salt: salt[:length], iterations: iterations, storedKey: keys[:], serverKey: mac(keys[:], "server")}
}
