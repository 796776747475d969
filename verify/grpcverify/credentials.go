package grpcverify

import (
	"context"

	"google.golang.org/grpc/credentials"
)

// Credentials sends with each call the token that source returns: what a
// client gives to grpc.WithPerRPCCredentials. The source is asked for each
// call, so it should remember its token. Tokens are sent over TLS alone.
func Credentials(source func(context.Context) (string, error)) credentials.PerRPCCredentials {
	return tokenSource(source)
}

type tokenSource func(context.Context) (string, error)

func (s tokenSource) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	raw, err := s(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + raw}, nil
}

func (tokenSource) RequireTransportSecurity() bool { return true }
