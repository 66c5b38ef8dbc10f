package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// Iterations is the number of PBKDF2 rounds of verifiers made here. 4,096 is RFC 7677's minimum and PostgreSQL's
// default; 10,000 costs a login about 2 ms.
const Iterations = 10000

// maxIterations bounds what a verifier from the configuration may ask of a client.
const maxIterations = 1 << 24

// saltBytes is the length of a fresh salt, as PostgreSQL's.
const saltBytes = 16

// Verifier is what the server keeps of a password: enough to check a SCRAM-SHA-256 proof, not enough to log in with.
type Verifier struct {
	salt                 []byte
	iterations           int
	storedKey, serverKey []byte
}

// NewVerifier derives a verifier from a password with a random salt. The password is normalised with SASLprep where
// that is possible and taken as it is where it is not, as PostgreSQL does.
func NewVerifier(password string) *Verifier {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails: crypto/rand ends the process instead
	return derive(password, salt, Iterations)
}

func derive(password string, salt []byte, iterations int) *Verifier {
	salted, err := pbkdf2.Key(sha256.New, prepare(password), salt, iterations, sha256.Size)
	if err != nil { // only for key lengths out of range
		panic("auth: pbkdf2: " + err.Error())
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	return &Verifier{salt: salt, iterations: iterations, storedKey: stored[:], serverKey: mac(salted, "Server Key")}
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// IsVerifier tells whether a configured password is a verifier in PostgreSQL's form and not a clear text.
func IsVerifier(s string) bool { return strings.HasPrefix(s, "SCRAM-SHA-256$") }

// ParseVerifier reads PostgreSQL's form of a verifier (pg_authid.rolpassword):
// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, the last three in base64.
func ParseVerifier(s string) (*Verifier, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 3 || parts[0] != "SCRAM-SHA-256" {
		return nil, fmt.Errorf("not a SCRAM-SHA-256 verifier")
	}
	rounds, salt64, ok1 := strings.Cut(parts[1], ":")
	stored64, server64, ok2 := strings.Cut(parts[2], ":")
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("not a SCRAM-SHA-256 verifier")
	}
	v := &Verifier{}
	var err error
	if v.iterations, err = strconv.Atoi(rounds); err != nil || v.iterations < 4096 || v.iterations > maxIterations {
		return nil, fmt.Errorf("verifier has %q iterations, want 4096 to %d", rounds, maxIterations)
	}
	for _, f := range []struct {
		name string
		text string
		dst  *[]byte
		want int // bytes, 0: any
	}{{"salt", salt64, &v.salt, 0}, {"StoredKey", stored64, &v.storedKey, sha256.Size}, {"ServerKey", server64, &v.serverKey, sha256.Size}} {
		if *f.dst, err = base64.StdEncoding.DecodeString(f.text); err != nil {
			return nil, fmt.Errorf("verifier's %s: %w", f.name, err)
		}
		if len(*f.dst) == 0 || f.want > 0 && len(*f.dst) != f.want {
			return nil, fmt.Errorf("verifier's %s has %d bytes", f.name, len(*f.dst))
		}
	}
	return v, nil
}

// String returns the verifier in PostgreSQL's form.
func (v *Verifier) String() string {
	e := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", v.iterations, e(v.salt), e(v.storedKey), e(v.serverKey))
}

// Check tells whether a clear-text password (HTTP basic authentication) fits the verifier, in constant time.
func (v *Verifier) Check(password string) bool {
	return hmac.Equal(derive(password, v.salt, v.iterations).storedKey, v.storedKey)
}

func (v *Verifier) credentials() scram.StoredCredentials {
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(v.salt), Iters: v.iterations},
		StoredKey:  v.storedKey, ServerKey: v.serverKey,
	}
}
