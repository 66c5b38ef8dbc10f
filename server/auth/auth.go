// Package auth decides who may log in: host rules pick a method for an address, and SCRAM-SHA-256 (RFC 5802, RFC 7677,
// as PostgreSQL speaks it) checks a password. Its types are Rules, made once from the configuration, Verifier, what is
// kept of a password, and Exchange, one login.
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
	// TrustLoopback lets clients of this machine in without a password.
	TrustLoopback bool
	// TrustAll lets every address in without a password. It has to be asked for.
	TrustAll bool
}

// Rules are the host rules in force.
type Rules struct {
	user          string
	verifier      *Verifier
	trustLoopback bool
	trustAll      bool
	mock          [32]byte // keys the salts of users that do not exist
}

// New makes rules from options.
func New(o Options) (*Rules, error) {
	r := &Rules{user: o.User, trustLoopback: o.TrustLoopback, trustAll: o.TrustAll}
	rand.Read(r.mock[:])
	switch {
	case o.Password == "":
	case IsVerifier(o.Password):
		v, err := ParseVerifier(o.Password)
		if err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
		r.verifier = v
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

// Failed is the error of a login that did not prove itself: the same for unknown users and wrong passwords.
func Failed(user string) *errs.Error {
	e := errs.New(errs.InvalidPassword, "password authentication failed for user %q", user)
	e.Severity = "FATAL"
	return e
}

// mockVerifier returns the verifier of a user that does not exist: the same salt every time, and keys that no
// password has.
func (r *Rules) mockVerifier(user string) *Verifier {
	salt := mac(r.mock[:], "salt of "+user)[:saltBytes]
	keys := sha256.Sum256(append(r.mock[:], user...))
	iterations := Iterations
	if r.verifier != nil {
		iterations = r.verifier.iterations
	}
	return &Verifier{salt: salt, iterations: iterations, storedKey: keys[:], serverKey: mac(keys[:], "server")}
}
