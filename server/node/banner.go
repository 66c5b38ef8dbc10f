package node

import (
	"fmt"
	"io"
	"net"
)

// Banner tells how to connect, and with a demo what to try.
func (n *Node) Banner(w io.Writer) {
	host, port, _ := net.SplitHostPort(n.PGAddr().String()) // an address of a listener has both
	fmt.Fprintf(w, "Siltstone is ready. Data: %s\n\n", n.opt.Data)
	fmt.Fprintf(w, "  SQL    psql -h %s -p %s -U %s\n", dialable(host), port, n.opt.User)
	if a := n.HTTPAddr(); a != nil {
		host, port, _ := net.SplitHostPort(a.String())
		scheme := "http://"
		if n.tls != nil {
			scheme = "https://"
		}
		base := scheme + net.JoinHostPort(dialable(host), port)
		fmt.Fprintf(w, "  HTTP   curl -d '{\"sql\": \"SELECT version()\"}' -H 'Content-Type: application/json' %s/v1/query\n", base)
		fmt.Fprintf(w, "         curl --data-binary @rows.ndjson -H 'Content-Type: application/x-ndjson' %s/v1/tables/mytable/rows\n", base)
	}
	if n.demo != nil {
		fmt.Fprint(w, demoQueries)
	}
	fmt.Fprintf(w, "\nStop with Ctrl-C.\n")
}

// dialable returns an address that a client of this machine can use for one that a server listens on.
func dialable(host string) string {
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}
