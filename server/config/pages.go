package config

import (
	"fmt"
	"net/url"
	"strings"
)

// tokenMinBytes is the least length of a token: 16 random characters cannot be guessed, and nobody types them.
const tokenMinBytes = 16

// validatePages returns what is wrong with the names of hosts, the origins, and the token.
func (o *Options) validatePages() (problems []error) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, h := range o.HTTPHosts {
		if h == "" || strings.ContainsAny(h, ":/*@ ") {
			bad("http-host: %q is not the name of a host (without scheme and port)", h)
		}
	}
	for _, origin := range o.HTTPOrigins {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			bad("http-origin: %q is not an origin, such as https://app.example or http://localhost:3000", origin)
		}
	}
	if len(o.HTTPOrigins) > 0 && o.HTTPToken == "" {
		bad("http-origin: pages of other sites need a token, SILTSTONE_HTTP_TOKEN or http-token in the configuration file")
	}
	if o.HTTPToken != "" && (len(o.HTTPToken) < tokenMinBytes || strings.ContainsFunc(o.HTTPToken, notOfToken)) {
		bad("http-token: want at least %d letters, digits and any of -._~+/=", tokenMinBytes)
	}
	return problems
}

// notOfToken tells characters that "Authorization: Bearer" has no place for (RFC 6750).
func notOfToken(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~+/=", r)
}
