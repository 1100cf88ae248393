"""Names by which libraries, frameworks and runtimes are known where a stack trace tells no path."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


JAVA: Final = _words("""
    java. javax. jakarta. sun. jdk. com.sun. com.oracle. oracle. kotlin. kotlinx. scala. groovy. clojure. android. androidx.
    dalvik. org.apache. org.springframework. org.hibernate. org.eclipse. org.jboss. org.wildfly. org.slf4j. org.aspectj.
    org.codehaus. org.postgresql. org.mariadb. org.h2. org.bson. org.elasticsearch. org.opensearch. org.thymeleaf. org.junit.
    org.mockito. org.testng. org.gradle. org.reactivestreams. org.jooq. org.flywaydb. org.quartz. org.redisson. org.glassfish.
    org.w3c. org.xml. org.yaml. org.joda. org.threeten. org.jetbrains. org.graalvm. org.assertj. org.bouncycastle. org.xnio.
    ch.qos.logback. co.elastic. com.amazonaws. com.datastax. com.fasterxml. com.google.common. com.google.gson. com.google.inject.
    com.google.protobuf. com.mongodb. com.mysql. com.microsoft. com.netflix. com.rabbitmq. com.squareup. com.zaxxer. com.azure.
    com.codahale. com.github.benmanes. com.hazelcast. com.android. com.intellij. com.typesafe. com.twitter. dagger. feign.
    freemarker. io.dropwizard. io.grpc. io.helidon. io.jsonwebtoken. io.kotest. io.ktor. io.lettuce. io.micrometer. io.micronaut.
    io.netty. io.opentelemetry. io.projectreactor. io.quarkus. io.r2dbc. io.reactivex. io.smallrye. io.undertow. io.vertx.
    io.github.resilience4j. akka. antlr. cats. javassist. jodd. junit. lombok. net.bytebuddy. net.sf. okhttp3. okio. play.
    reactor. redis.clients. retrofit2. rx. software.amazon. zio. _COROUTINE.
""")
"""Beginnings of classes."""

DOTNET: Final = _words("""
    System. Microsoft. Windows. Mono. MS. Interop. FSharp. AutoMapper. Autofac. Azure. Amazon. Castle. Confluent. CsvHelper.
    Dapper. EntityFramework. FluentAssertions. FluentValidation. Google. Grpc. Hangfire. HotChocolate. Humanizer. IdentityModel.
    IdentityServer. LiteDB. MassTransit. MediatR. MongoDB. Moq. MySql. MySqlConnector. NHibernate. NLog. NServiceBus. NUnit.
    Newtonsoft. Npgsql. OpenTelemetry. Oracle. Polly. Quartz. RabbitMQ. Refit. RestSharp. Scrutor. Serilog. ServiceStack.
    StackExchange. Stripe. Swashbuckle. Unity. UnityEngine. Xamarin. Xunit. xunit. log4net. lambda_method CallSite. DynamicClass.
""")
"""Beginnings of types."""

PHP: Final = _words("""
    Amp Aws CakeBaker Cake Carbon Composer Doctrine Dompdf Drupal.Core Egulias GuzzleHttp Illuminate Invoker Laminas Laravel
    League Livewire Mezzio Monolog Nette Nyholm OpenTelemetry PDO PHPUnit PhpAmqpLib Phalcon Predis Psr Ramsey React Revolt Sentry
    Slim Spatie Swoole Symfony Twig Whoops Workerman Yiisoft Zend yii
""")
"""First parts of namespaces."""

GO: Final = _words("""
    archive bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt go hash
    html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv strings
    structs sync syscall testing text time unicode unique unsafe vendor weak
""")
"""First parts of the standard library's packages."""
