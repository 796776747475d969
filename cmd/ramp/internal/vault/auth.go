package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
)

// Methods of logging in.
const (
	AppRole    = "approle"
	JWT        = "jwt"
	Kubernetes = "kubernetes"
)

// Auth is how to log in. Files are read again at each login.
type Auth struct {
	Method string
	Mount  string // path of the auth method; empty means the name of the method
	Role   string // jwt, kubernetes
	// JWTFile is what jwt and kubernetes show. Kubernetes has a default.
	JWTFile string
	// RoleIDFile and SecretIDFile are for approle. SecretIDWrapped says that
	// the second holds a wrapping token, which works once: what it wraps is
	// kept in memory for later logins.
	RoleIDFile, SecretIDFile string
	SecretIDWrapped          bool

	wrapping, unwrapped string
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/token"

func (a *Auth) check() error {
	if a.Mount == "" {
		a.Mount = a.Method
	}
	switch a.Method {
	case AppRole:
		if a.RoleIDFile == "" || a.Role != "" || a.JWTFile != "" {
			return errors.New(`auth "approle" needs role_id_file, may have secret_id_file and secret_id_wrapped, and nothing else but mount`)
		}
		return nil
	case Kubernetes:
		if a.JWTFile == "" {
			a.JWTFile = serviceAccount
		}
	case JWT:
	default:
		return fmt.Errorf("auth %.40q is not known; use approle, jwt or kubernetes, or give token_file and let Vault Agent log in", a.Method)
	}
	if a.Role == "" || a.JWTFile == "" || a.RoleIDFile != "" || a.SecretIDFile != "" || a.SecretIDWrapped {
		return fmt.Errorf("auth %q needs role and jwt_file, and nothing else but mount", a.Method)
	}
	return nil
}

func (a *Auth) login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	show, err := a.show(ctx, client)
	if err != nil {
		return nil, err
	}
	secret, err := client.Logical().WriteWithContext(ctx, "auth/"+strings.Trim(a.Mount, "/")+"/login", show)
	if err != nil {
		return nil, fmt.Errorf("log in with %s: %w", a.Method, brief(err))
	}
	if secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "" {
		return nil, fmt.Errorf("log in with %s: Vault gave no token", a.Method)
	}
	return secret, nil
}

// show is what a login shows.
func (a *Auth) show(ctx context.Context, client *api.Client) (map[string]any, error) {
	if a.Method != AppRole {
		jwt, err := readSecret(a.JWTFile)
		return map[string]any{"role": a.Role, "jwt": jwt}, err
	}
	id, err := readSecret(a.RoleIDFile)
	if err != nil {
		return nil, err
	}
	show := map[string]any{"role_id": id}
	if a.SecretIDFile != "" {
		if show["secret_id"], err = a.secretID(ctx, client); err != nil {
			return nil, err
		}
	}
	return show, nil
}

func (a *Auth) secretID(ctx context.Context, client *api.Client) (string, error) {
	text, err := readSecret(a.SecretIDFile)
	if err != nil || !a.SecretIDWrapped {
		return text, err
	}
	if text == a.wrapping {
		return a.unwrapped, nil
	}
	unwraps, err := client.CloneWithHeaders() // it keeps the wrapping token, and could not unwrap another
	if err != nil {
		return "", err
	}
	secret, err := unwraps.Logical().UnwrapWithContext(ctx, text)
	if err != nil {
		return "", fmt.Errorf("unwrap %s (if nobody here did, somebody else has read it: revoke it): %w", a.SecretIDFile, brief(err))
	}
	var id string
	if secret != nil {
		id, _ = secret.Data["secret_id"].(string)
	}
	if id == "" {
		return "", fmt.Errorf("unwrap %s: there is no secret_id in it", a.SecretIDFile)
	}
	a.wrapping, a.unwrapped = text, id
	return id, nil
}

// readSecret reads a file that holds one secret and perhaps a line break.
func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	switch {
	case secret == "":
		return "", fmt.Errorf("%s is empty", path)
	case len(secret) > 64<<10 || strings.ContainsAny(secret, " \n{"):
		return "", fmt.Errorf("%s does not hold one secret and nothing else (a wrapped or encrypted sink?)", path)
	}
	return secret, nil
}
