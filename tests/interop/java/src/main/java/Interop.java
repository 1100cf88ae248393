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
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.logging.LogManager;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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

    void note(List<String> names, CompletableResultCode result) {
      result.whenComplete(
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

  /** An exporter that does what another one does, and notes what came of each export by the names of the items. */
  private static <E, D> E noted(Class<E> type, E exporter, Outcomes outcomes, Function<D, Stream<String>> names) {
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          Object result = method.invoke(exporter, arguments);
          if (method.getName().equals("export")) {
            @SuppressWarnings("unchecked")
            Collection<D> items = (Collection<D>) arguments[0];
            outcomes.note(items.stream().flatMap(names).toList(), (CompletableResultCode) result);
          }
          return result;
        };
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private static Stream<String> number(LogRecordData record) {
    return Stream.of(String.valueOf(record.getAttributes().get(NUMBER)));
  }

  private static Stream<String> points(MetricData metric) {
    return metric.getLongSumData().getPoints().stream().map(point -> point.getAttributes().get(SHOP) + "@" + point.getEpochNanos());
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
                BatchSpanProcessor.builder(noted(SpanExporter.class, spans, traces, (SpanData span) -> Stream.of(span.getSpanId())))
                    .setScheduleDelay(PAUSE)
                    .setMaxExportBatchSize(BATCH)
                    .setMaxQueueSize(QUEUE)
                    .build())
            .build();
    SdkLoggerProvider logging =
        SdkLoggerProvider.builder()
            .setResource(resource)
            .addLogRecordProcessor(
                BatchLogRecordProcessor.builder(noted(LogRecordExporter.class, records, logs, Interop::number))
                    .setScheduleDelay(PAUSE)
                    .setMaxExportBatchSize(BATCH)
                    .setMaxQueueSize(QUEUE)
                    .build())
            .build();
    SdkMeterProvider measuring =
        SdkMeterProvider.builder()
            .setResource(resource)
            .registerMetricReader(PeriodicMetricReader.builder(noted(MetricExporter.class, points, metrics, Interop::points)).setInterval(PAUSE).build())
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
