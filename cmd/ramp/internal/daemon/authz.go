package daemon

import (
	"context"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/extauthz"
)

// authz is the listener for Envoy.
type authz struct {
	address string
	stop    context.CancelFunc // nil when there is none
	done    chan struct{}
}

// prepare opens the socket that the file wants, nil when it is open already,
// or none is wanted.
func (a *authz) prepare(want *ExtAuthz) (net.Listener, error) {
	if want == nil || want.Listen == a.address {
		return nil, nil
	}
	return egress.Listen(want.Listen, false)
}

// turn goes over to a socket.
func (a *authz) turn(want *ExtAuthz, socket net.Listener, by *extauthz.Server, drain time.Duration, log *slog.Logger) {
	if want != nil && socket == nil {
		return
	}
	old := *a
	defer old.close()
	*a = authz{}
	if want == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	a.address, a.stop, a.done = want.Listen, stop, make(chan struct{})
	go func() {
		defer close(a.done)
		serveEnvoy(ctx, socket, by.GRPC(), drain, log)
	}()
}

func (a *authz) close() {
	if a.stop != nil {
		a.stop()
		<-a.done
	}
}

func serveEnvoy(ctx context.Context, socket net.Listener, server *grpc.Server, drain time.Duration, log *slog.Logger) {
	log.Info("listening for Envoy", "address", socket.Addr().String())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		force := time.AfterFunc(drain, server.Stop)
		defer force.Stop()
		server.GracefulStop()
	}()
	if err := server.Serve(socket); err != nil && ctx.Err() == nil {
		log.Error("listener for Envoy ended", "error", err)
		return
	}
	<-ended
}
