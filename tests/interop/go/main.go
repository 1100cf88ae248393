// Sends spans, log records and metric points through OpenTelemetry's own Go SDK until its input ends, then says what was delivered.
//
// usage: interop PROTOCOL ADDRESS SERVICE    PROTOCOL: grpc or http/protobuf; ADDRESS: HOST:PORT of that protocol
//
// Prints one JSON object: for each signal the items whose export was reported as a success, and those whose export failed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	queue = 100_000
	batch = 100
	pause = 200 * time.Millisecond
)

// The defaults wait 5 s before the first repetition; the outages that are tested here are shorter.
var retries = otlptracegrpc.RetryConfig{
	Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 2 * time.Second, MaxElapsedTime: 20 * time.Second,
}

// outcomes of one signal's exports, by the names of the items.
type outcomes struct {
	mutex     sync.Mutex
	Delivered []string `json:"delivered"`
	Failed    []string `json:"failed"`
}

func (o *outcomes) note(names []string, err error) error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if err == nil {
		o.Delivered = append(o.Delivered, names...)
	} else {
		o.Failed = append(o.Failed, names...)
	}
	return err
}

func none() *outcomes {
	return &outcomes{Delivered: []string{}, Failed: []string{}}
}

type notedSpans struct {
	sdktrace.SpanExporter
	*outcomes
}

func (n *notedSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	names := make([]string, 0, len(spans))
	for _, span := range spans {
		names = append(names, span.SpanContext().SpanID().String())
	}
	return n.note(names, n.SpanExporter.ExportSpans(ctx, spans))
}

type notedLogs struct {
	sdklog.Exporter
	*outcomes
}

func (n *notedLogs) Export(ctx context.Context, records []sdklog.Record) error {
	names := make([]string, 0, len(records))
	for _, record := range records {
		record.WalkAttributes(func(pair attribute.KeyValue) bool {
			if pair.Key == "number" {
				names = append(names, fmt.Sprint(pair.Value.AsInt64()))
			}
			return true
		})
	}
	return n.note(names, n.Exporter.Export(ctx, records))
}

type notedMetrics struct {
	sdkmetric.Exporter
	*outcomes
}

func (n *notedMetrics) Export(ctx context.Context, metrics *metricdata.ResourceMetrics) error {
	var names []string
	for _, scope := range metrics.ScopeMetrics {
		for _, found := range scope.Metrics {
			for _, point := range found.Data.(metricdata.Sum[int64]).DataPoints {
				shop, _ := point.Attributes.Value("shop")
				names = append(names, fmt.Sprintf("%s@%d", shop.AsString(), point.Time.UnixNano()))
			}
		}
	}
	return n.note(names, n.Exporter.Export(ctx, metrics))
}

func main() {
	protocol, address, service := os.Args[1], os.Args[2], os.Args[3]
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // what fails is in the report
	spans, logs, metrics := exporters(context.Background(), protocol, address)
	of := resource.NewSchemaless(attribute.String("service.name", service))
	tracing := sdktrace.NewTracerProvider(
		sdktrace.WithResource(of),
		sdktrace.WithBatcher(
			spans, sdktrace.WithBatchTimeout(pause), sdktrace.WithMaxExportBatchSize(batch), sdktrace.WithMaxQueueSize(queue),
		),
	)
	logging := sdklog.NewLoggerProvider(
		sdklog.WithResource(of),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(
			logs, sdklog.WithExportInterval(pause), sdklog.WithExportMaxBatchSize(batch), sdklog.WithMaxQueueSize(queue),
		)),
	)
	measuring := sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(of), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics, sdkmetric.WithInterval(pause))),
	)
	send(tracing.Tracer("outage"), logging.Logger("outage"), measuring.Meter("outage"))
	for _, shutdown := range []func(context.Context) error{tracing.Shutdown, logging.Shutdown, measuring.Shutdown} {
		_ = shutdown(context.Background())
	}
	report := map[string]*outcomes{"traces": spans.outcomes, "logs": logs.outcomes, "metrics": metrics.outcomes}
	must(struct{}{}, json.NewEncoder(os.Stdout).Encode(report))
}

// send makes 20 spans, 20 log records and a measurement of 4 shops every 50 ms, until the input ends.
func send(tracer trace.Tracer, logger otellog.Logger, meter metric.Meter) {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	orders := must(meter.Int64Counter("orders"))
	attributes := []attribute.KeyValue{
		attribute.Float64("ratio", 0.5),
		attribute.String("text", "grün ☃"),
		attribute.StringSlice("texts", []string{"a", "b"}),
		attribute.Bool("yes", true),
	}
	ctx := context.Background()
	for number := 0; ; {
		select {
		case <-ended:
			return
		case <-time.After(50 * time.Millisecond):
		}
		for shop := range 4 {
			orders.Add(ctx, 1, metric.WithAttributes(attribute.String("shop", fmt.Sprintf("s%d", shop))))
		}
		for range 20 {
			number++
			all := append([]attribute.KeyValue{attribute.Int("number", number)}, attributes...)
			_, span := tracer.Start(ctx, "work", trace.WithAttributes(all...))
			span.End()
			var record otellog.Record
			record.SetTimestamp(time.Now())
			record.SetBody(attribute.StringValue("line"))
			record.AddAttributes(all...)
			logger.Emit(ctx, record)
		}
	}
}

func exporters(ctx context.Context, protocol, address string) (*notedSpans, *notedLogs, *notedMetrics) {
	if protocol == "grpc" {
		spans := must(otlptracegrpc.New(
			ctx, otlptracegrpc.WithEndpoint(address), otlptracegrpc.WithInsecure(), otlptracegrpc.WithRetry(retries),
		))
		logs := must(otlploggrpc.New(
			ctx, otlploggrpc.WithEndpoint(address), otlploggrpc.WithInsecure(), otlploggrpc.WithRetry(otlploggrpc.RetryConfig(retries)),
		))
		metrics := must(otlpmetricgrpc.New(
			ctx, otlpmetricgrpc.WithEndpoint(address), otlpmetricgrpc.WithInsecure(),
			otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig(retries)),
		))
		return &notedSpans{spans, none()}, &notedLogs{logs, none()}, &notedMetrics{metrics, none()}
	}
	spans := must(otlptracehttp.New(
		ctx, otlptracehttp.WithEndpoint(address), otlptracehttp.WithInsecure(),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithRetry(otlptracehttp.RetryConfig(retries)),
	))
	logs := must(otlploghttp.New(
		ctx, otlploghttp.WithEndpoint(address), otlploghttp.WithInsecure(), otlploghttp.WithRetry(otlploghttp.RetryConfig(retries)),
	))
	metrics := must(otlpmetrichttp.New(
		ctx, otlpmetrichttp.WithEndpoint(address), otlpmetrichttp.WithInsecure(),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig(retries)),
	))
	return &notedSpans{spans, none()}, &notedLogs{logs, none()}, &notedMetrics{metrics, none()}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
