package node

import "fmt"

// health returns what is wrong, for /healthz.
func (n *Node) health() []string {
	h := n.db.Health()
	var out []string
	if h.Intake != nil {
		out = append(out, "writes are refused: "+h.Intake.Error())
	}
	if h.Seal != nil {
		out = append(out, "live rows cannot be sealed yet: "+h.Seal.Error())
	}
	for _, s := range h.Quarantined {
		out = append(out, fmt.Sprintf("segment %d of table %q was set aside", s.ID, s.Name))
	}
	return out
}
