package daemon

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
)

// authz is the listener for Envoy.
type authz struct {
	address string
	stop    context.CancelFunc // nil when there is none
	done    chan struct{}
}

// listen listens as the file wants. Envoy gets no answer, and denies, until
// the entrance is ready.
func (a *authz) listen(want *ExtAuthz, e *entrance, drain time.Duration, log *slog.Logger) error {
	address := ""
	if want != nil {
		address = want.Listen
	}
	if address == a.address {
		return nil
	}
	var socket net.Listener
	if address != "" {
		var err error
		if socket, err = egress.Listen(address, false); err != nil {
			return err
		}
	}
	a.close()
	a.address = address
	if socket == nil {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop, a.done = stop, make(chan struct{})
	go func() {
		defer close(a.done)
		serveEnvoy(ctx, socket, e, drain, log)
	}()
	return nil
}

func (a *authz) close() {
	if a.stop != nil {
		a.stop()
		<-a.done
		a.stop = nil
	}
}

func serveEnvoy(ctx context.Context, socket net.Listener, e *entrance, drain time.Duration, log *slog.Logger) {
	select {
	case <-ctx.Done():
		_ = socket.Close()
		return
	case <-e.entered:
	}
	log.Info("listening for Envoy", "address", socket.Addr().String())
	server := e.ready.Load().authz.GRPC()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		force := time.AfterFunc(drain, server.Stop)
		defer force.Stop()
		server.GracefulStop()
	}()
	if err := server.Serve(socket); err != nil {
		log.Error("listener for Envoy ended", "error", err)
		return
	}
	<-ended
}
