package vault

import (
	"context"
	"fmt"
	"time"
)

const fileCheck = time.Second // how often the token file is looked at

// newToken reads a token that is not known to be dead.
func (s *Session) newToken() (string, error) {
	token, err := readSecret(s.config.TokenFile)
	if err == nil && token == s.expired {
		err = fmt.Errorf("the token in %s is dead; whoever writes the file has to write another", s.config.TokenFile)
	}
	return token, err
}

// watchFile returns when the file has another token, or this one is dead.
func (s *Session) watchFile(ctx context.Context, l *login) {
	look := time.NewTicker(fileCheck)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if token, err := readSecret(s.config.TokenFile); err == nil && token != l.client.Token() {
				return
			}
		case <-l.over:
			s.expired = l.client.Token()
			return
		case <-ctx.Done():
			return
		}
	}
}
