package grpcverify

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// guardedStream shows its handler, when the token dies, what it would show
// when the client goes away: the context ends, and messages fail. The handler
// then returns as it has to anyway, and nothing is left behind.
type guardedStream struct {
	grpc.ServerStream
	watched context.Context
}

func (s *guardedStream) Context() context.Context { return s.watched }

func (s *guardedStream) SendMsg(m any) error {
	return s.unlessCut(func() error { return s.ServerStream.SendMsg(m) })
}

func (s *guardedStream) RecvMsg(m any) error {
	return s.unlessCut(func() error { return s.ServerStream.RecvMsg(m) })
}

// unlessCut waits for op or for the death of the token. An op that is still
// under way then ends with the stream, as soon as the handler returns. A panic
// of op is one of the handler.
func (s *guardedStream) unlessCut(op func() error) error {
	if err := s.cut(); err != nil {
		return err
	}
	done := make(chan outcome, 1)
	go func() { done <- outcomeOf(op) }()
	select {
	case o := <-done:
		return o.get()
	case <-s.watched.Done():
		if err := s.cut(); err != nil {
			return err
		}
		return (<-done).get() // the client went away, and op says so
	}
}

type outcome struct {
	err      error
	panicked any
}

func outcomeOf(op func() error) (o outcome) {
	defer func() { o.panicked = recover() }()
	return outcome{err: op()}
}

func (o outcome) get() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}

// cut is a status that says why the stream was cut, nil when it was not.
func (s *guardedStream) cut() error {
	var r *verify.Refusal
	if errors.As(context.Cause(s.watched), &r) {
		return refused(r)
	}
	return nil
}
