package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stage is one interceptor of the chain that every call passes.
type stage struct {
	name, reason string
	unary        grpc.UnaryServerInterceptor
	stream       grpc.StreamServerInterceptor
}

// stages are the interceptors in their order, the outermost first. A test
// holds the order.
func (s *Server) stages() []stage {
	ids := newRequestIDs()
	log := newCallLog(s.config.Logger)
	keysUnary, keysStream := keyStage(s.config.Keys)
	guard := recovery.WithRecoveryHandlerContext(s.recovered)
	return []stage{
		{"calls", "outermost, so that a drain waits for all that follows", s.calls.unary, s.calls.stream},
		{"request id", "before the log, which shows it", ids.unary, ids.stream},
		{"logging", "sees the final status, also of a panic or a refusal", log.unary, log.stream},
		{"metrics", "counts the same status as the log shows", s.metrics.rpc.unary, s.metrics.rpc.stream},
		{"keys", "as early as what it refuses is logged and counted", keysUnary, keysStream},
		{"limits", "last before the work, so that its refusals are logged and counted", refusedUnary, refusedStream},
		{"recovery", "innermost, so that all others see a panic as an error", recovery.UnaryServerInterceptor(guard), recovery.StreamServerInterceptor(guard)},
	}
}

// chain makes the server's options of the stages.
func chain(stages []stage) []grpc.ServerOption {
	var unary []grpc.UnaryServerInterceptor
	var stream []grpc.StreamServerInterceptor
	for _, s := range stages {
		unary = append(unary, s.unary)
		stream = append(stream, s.stream)
	}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...)}
}

// errPanic stands for the panic of a handler: no domain error, so INTERNAL.
var errPanic = errors.New("a handler panicked")

// recovered makes a panic of a handler an INTERNAL status; what it was is for
// the log alone.
func (s *Server) recovered(ctx context.Context, p any) error {
	s.metrics.panics.Inc()
	s.config.Logger.Error("a handler panicked; this is a fault of the server",
		"panic", fmt.Sprint(p), "request_id", requestIDOf(ctx), "stack", string(debug.Stack()))
	return statusOf(errPanic)
}

// contextStream is a stream with another context.
type contextStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *contextStream) Context() context.Context { return s.ctx }

// callLog writes one line for a finished call: at debug level, or as an error
// when the server is at fault. The logging library builds all its fields
// before it knows whether anyone wants them, which costs as much as the rest
// of the chain; so while debug is off it is asked only about faults, once they
// are there.
type callLog struct {
	logger       *slog.Logger
	unaryLogged  grpc.UnaryServerInterceptor
	streamLogged grpc.StreamServerInterceptor
}

func newCallLog(logger *slog.Logger) *callLog {
	write := logging.LoggerFunc(func(ctx context.Context, level logging.Level, text string, fields ...any) {
		logger.Log(ctx, slog.Level(level), text, fields...) //nolint:sloglint // the library's text: "finished call"
	})
	options := []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		logging.WithLevels(func(code codes.Code) logging.Level { return logging.Level(callLevel(code)) }),
		logging.WithDisableLoggingFields(logging.SystemTag[0], logging.ComponentFieldKey, logging.MethodTypeFieldKey),
		logging.WithFieldsFromContextAndCallMeta(callFields),
	}
	return &callLog{
		logger:       logger,
		unaryLogged:  logging.UnaryServerInterceptor(write, options...),
		streamLogged: logging.StreamServerInterceptor(write, options...),
	}
}

// callLevel is error for the server's own faults. Everything else is for the
// metrics to count: a client could fill a disk with its mistakes, and refusals
// under load would come by the thousand.
func callLevel(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	default:
		return slog.LevelDebug
	}
}

// beganKey is the context's key for the time when a call began that is logged
// after its end.
type beganKey struct{}

// callFields are the fields of our own; they go before the library's, also
// those of the same name.
func callFields(ctx context.Context, _ interceptors.CallMeta) logging.Fields {
	fields := logging.Fields{"request_id", requestIDOf(ctx)}
	if began, ok := ctx.Value(beganKey{}).(time.Time); ok {
		fields = append(fields, "grpc.start_time", began.Format(time.RFC3339))
		fields = append(fields, logging.DurationToTimeMillisFields(time.Since(began))...)
	}
	return fields
}

func (l *callLog) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if l.logger.Enabled(ctx, slog.LevelDebug) {
		return l.unaryLogged(ctx, req, info, handler)
	}
	began := time.Now()
	answer, err := handler(ctx, req)
	if err == nil || callLevel(status.Code(err)) == slog.LevelDebug {
		return answer, err
	}
	return l.unaryLogged(context.WithValue(ctx, beganKey{}, began), req, info,
		func(context.Context, any) (any, error) { return answer, err })
}

func (l *callLog) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := stream.Context()
	if l.logger.Enabled(ctx, slog.LevelDebug) {
		return l.streamLogged(srv, stream, info, handler)
	}
	began := time.Now()
	err := handler(srv, stream)
	if err == nil || callLevel(status.Code(err)) == slog.LevelDebug {
		return err
	}
	return l.streamLogged(srv, &contextStream{stream, context.WithValue(ctx, beganKey{}, began)}, info,
		func(any, grpc.ServerStream) error { return err })
}
