import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.data.LogRecordData;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.logging.LogManager;
import java.util.stream.Collectors;

/**
 * Sends spans, log records and metric points through OpenTelemetry's own Java SDK until its input ends, then says what was delivered.
 *
 * <p>Usage: {@code java -cp ... Interop PROTOCOL ADDRESS SERVICE}; PROTOCOL: grpc or http/protobuf; ADDRESS: HOST:PORT of that protocol.
 *
 * <p>Prints one JSON object: for each signal the items whose export was reported as a success, and those whose export failed.
 */
public final class Interop {
  private static final int QUEUE = 100_000;
  private static final int BATCH = 100;
  private static final Duration PAUSE = Duration.ofMillis(200);
  private static final AttributeKey<String> SHOP = AttributeKey.stringKey("shop");
  private static final AttributeKey<Long> NUMBER = AttributeKey.longKey("number");
  private static final Attributes ATTRIBUTES =
      Attributes.builder().put("ratio", 0.5).put("text", "grün ☃").put("texts", "a", "b").put("yes", true).build();

  private Interop() {}

  /** The outcomes of one signal's exports, by the names of the items. */
  private static final class Outcomes {
    private final List<String> delivered = new ArrayList<>();
    private final List<String> failed = new ArrayList<>();

    CompletableResultCode note(List<String> names, Supplier<CompletableResultCode> export) {
      CompletableResultCode result = export.get();
      return result.whenComplete(
          () -> {
            synchronized (this) {
              (result.isSuccess() ? delivered : failed).addAll(names);
            }
          });
    }

    synchronized String json() {
      return "{\"delivered\": " + array(delivered) + ", \"failed\": " + array(failed) + "}";
    }

    private static String array(List<String> names) {
      return names.stream().map(name -> '"' + name + '"').collect(Collectors.joining(", ", "[", "]"));
    }
  }

  private record NotedSpans(SpanExporter exporter, Outcomes outcomes) implements SpanExporter {
    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      return outcomes.note(spans.stream().map(SpanData::getSpanId).toList(), () -> exporter.export(spans));
    }

    @Override
    public CompletableResultCode flush() {
      return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return exporter.shutdown();
    }
  }

  private record NotedLogs(LogRecordExporter exporter, Outcomes outcomes) implements LogRecordExporter {
    @Override
    public CompletableResultCode export(Collection<LogRecordData> records) {
      List<String> names = records.stream().map(record -> String.valueOf(record.getAttributes().get(NUMBER))).toList();
      return outcomes.note(names, () -> exporter.export(records));
    }

    @Override
    public CompletableResultCode flush() {
      return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return exporter.shutdown();
    }
  }

  private record NotedMetrics(MetricExporter exporter, Outcomes outcomes) implements MetricExporter {
    @Override
    public CompletableResultCode export(Collection<MetricData> metrics) {
      List<String> names =
          metrics.stream()
              .flatMap(metric -> metric.getLongSumData().getPoints().stream())
              .map(point -> point.getAttributes().get(SHOP) + "@" + point.getEpochNanos())
              .toList();
      return outcomes.note(names, () -> exporter.export(metrics));
    }

    @Override
    public AggregationTemporality getAggregationTemporality(InstrumentType instrument) {
      return exporter.getAggregationTemporality(instrument);
    }

    @Override
    public CompletableResultCode flush() {
      return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return exporter.shutdown();
    }
  }

  public static void main(String[] arguments) throws InterruptedException {
    LogManager.getLogManager().reset(); // what fails is in the report
    boolean grpc = arguments[0].equals("grpc");
    String url = "http://" + arguments[1];
    Resource resource = Resource.create(Attributes.builder().put("service.name", arguments[2]).build());
    Outcomes traces = new Outcomes();
    Outcomes logs = new Outcomes();
    Outcomes metrics = new Outcomes();
    SpanExporter spans =
        grpc
            ? OtlpGrpcSpanExporter.builder().setEndpoint(url).build()
            : OtlpHttpSpanExporter.builder().setEndpoint(url + "/v1/traces").setCompression("gzip").build();
    LogRecordExporter records =
        grpc
            ? OtlpGrpcLogRecordExporter.builder().setEndpoint(url).build()
            : OtlpHttpLogRecordExporter.builder().setEndpoint(url + "/v1/logs").build();
    MetricExporter points =
        grpc
            ? OtlpGrpcMetricExporter.builder().setEndpoint(url).build()
            : OtlpHttpMetricExporter.builder().setEndpoint(url + "/v1/metrics").build();
    SdkTracerProvider tracing =
        SdkTracerProvider.builder()
            .setResource(resource)
            .addSpanProcessor(
                BatchSpanProcessor.builder(new NotedSpans(spans, traces))
                    .setScheduleDelay(PAUSE)
                    .setMaxExportBatchSize(BATCH)
                    .setMaxQueueSize(QUEUE)
                    .build())
            .build();
    SdkLoggerProvider logging =
        SdkLoggerProvider.builder()
            .setResource(resource)
            .addLogRecordProcessor(
                BatchLogRecordProcessor.builder(new NotedLogs(records, logs))
                    .setScheduleDelay(PAUSE)
                    .setMaxExportBatchSize(BATCH)
                    .setMaxQueueSize(QUEUE)
                    .build())
            .build();
    SdkMeterProvider measuring =
        SdkMeterProvider.builder()
            .setResource(resource)
            .registerMetricReader(PeriodicMetricReader.builder(new NotedMetrics(points, metrics)).setInterval(PAUSE).build())
            .build();
    send(
        tracing.get("outage"), logging.get("outage"), measuring.get("outage").counterBuilder("orders").build());
    CompletableResultCode.ofAll(List.of(tracing.shutdown(), logging.shutdown(), measuring.shutdown())).join(60, TimeUnit.SECONDS);
    System.out.println("{\"traces\": " + traces.json() + ", \"logs\": " + logs.json() + ", \"metrics\": " + metrics.json() + "}");
    System.exit(0);
  }

  /** 20 spans, 20 log records and a measurement of 4 shops every 50 ms, until the input ends. */
  private static void send(Tracer tracer, Logger logger, LongCounter orders) throws InterruptedException {
    Thread input = new Thread(Interop::readToEnd);
    input.setDaemon(true);
    input.start();
    for (long number = 0; input.isAlive(); Thread.sleep(50)) {
      for (int shop = 0; shop < 4; shop++) {
        orders.add(1, Attributes.of(SHOP, "s" + shop));
      }
      for (int item = 0; item < 20; item++) {
        Attributes all = ATTRIBUTES.toBuilder().put(NUMBER, ++number).build();
        tracer.spanBuilder("work").setAllAttributes(all).startSpan().end();
        logger.logRecordBuilder().setTimestamp(System.currentTimeMillis(), TimeUnit.MILLISECONDS).setBody("line").setAllAttributes(all).emit();
      }
    }
  }

  private static void readToEnd() {
    try {
      System.in.transferTo(java.io.OutputStream.nullOutputStream());
    } catch (IOException error) {
      Thread.currentThread().interrupt();
    }
  }
}
