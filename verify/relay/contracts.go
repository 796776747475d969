package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

const (
	roleIn   = 10 * time.Second
	maxRoles = 16 << 20 // bytes of the list of contracts
)

// fromVault asks Vault for the ids of all contracts, with the token in
// TokenFile, which may do no more than list and read roles.
func (r *Relay) fromVault(ctx context.Context) ([]string, error) {
	token, err := os.ReadFile(r.config.Files.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("the Vault token to list contracts with: %w", err)
	}
	var names struct {
		Keys []string `json:"keys"`
	}
	if err := r.ask(ctx, "/roles?list=true", token, &names); err != nil && !errors.Is(err, verify.ErrNotFound) { // there are none yet
		return nil, err
	}
	ids := make([]string, 0, len(names.Keys))
	for _, name := range names.Keys {
		var role struct {
			ID string `json:"id"`
		}
		err := r.ask(ctx, "/roles/"+url.PathEscape(name), token, &role)
		if errors.Is(err, verify.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return ids, err
		}
		ids = append(ids, role.ID)
	}
	return ids, nil
}

// ask reads from Vault what needs a token: from the first of the endpoints, or the issuer.
func (r *Relay) ask(ctx context.Context, path string, token []byte, data any) error {
	base := r.config.Issuer
	if len(r.config.Endpoints) > 0 {
		base = r.config.Endpoints[0]
	}
	ctx, stop := context.WithTimeout(ctx, roleIn)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Token", strings.TrimSpace(string(token)))
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // the token is for Vault alone
	if c := r.config.Client; c != nil {
		client.Transport = c.Transport
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusNotFound {
		return fmt.Errorf("GET %s: %w", base+path, verify.ErrNotFound)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s (the token needs a policy to list roles and to read roles/*)", base+path, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxRoles)).Decode(&struct{ Data any }{data})
}
