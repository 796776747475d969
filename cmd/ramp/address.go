package main

import (
	"fmt"
	"strings"
)

// address is what an operation is about: NAME or contract.NAME, service.NAME,
// caller.ENTITY_ID. It returns the path below the mount.
func address(arg string) (path string, err error) {
	kind, name, found := strings.Cut(arg, ".")
	base, known := map[string]string{"contract": "roles/", "service": "services/", "caller": "callers/"}[kind]
	if !found || !known {
		base, name = "roles/", arg
	}
	if name == "" || strings.Contains(name, "/") {
		return "", fmt.Errorf("%q is not NAME, contract.NAME, service.NAME or caller.ENTITY_ID", arg)
	}
	return base + name, nil
}
