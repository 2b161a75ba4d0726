import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tests the effect of the JDBC driver's time limit (setQueryTimeout) on a statement at the server; prints a line "step = result" for
 * each step. Its arguments are the address of the endpoint, a key, and the address of the metrics.
 */
public final class JdbcTimeouts {
  private static final String SLOW = "SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b";
  private static final String SLOW_BETWEEN_ROWS =
      "SELECT i, CASE WHEN i < 200000 THEN 0 ELSE list_sum(range(200000 + i)) END AS v FROM range(1000000) t(i)";
  private static final long PATIENCE_MS = 20_000;
  private static final Pattern RUNNING = Pattern.compile("(?m)^flightgate_calls_in_flight (\\d+)$");

  private static String url;
  private static final Properties properties = new Properties();
  private static HttpRequest metrics;

  private JdbcTimeouts() {}

  public static void main(String[] args) {
    url = "jdbc:arrow-flight-sql://" + args[0];
    properties.put("user", "anyone");
    properties.put("password", args[1]);
    properties.put("useEncryption", "false");
    metrics = HttpRequest.newBuilder(URI.create("http://" + args[2] + "/metrics")).build();
    JdbcWalk.step("the statement is closed", () -> {
      Statement statement = statement("");
      // Enough time for the driver's own calls.
      return overdue(statement) + runsAfter(2000) + runsOnceDone(statement::close);
    });
    JdbcWalk.step("the statement is cancelled", () -> {
      Statement statement = statement("");
      return overdue(statement) + runsOnceDone(statement::cancel);
    });
    JdbcWalk.step("the statement is used again", () -> {
      Statement statement = statement("");
      return overdue(statement) + runsOnceDone(() -> statement.executeQuery("SELECT 42").close());
    });
    JdbcWalk.step("slow between rows", () -> {
      Statement statement = statement("?x-flightgate-source=hasty");
      statement.setQueryTimeout(3);
      return read(statement.executeQuery(SLOW_BETWEEN_ROWS));
    });
    JdbcWalk.step("only the connection is closed", () -> {
      Statement statement = statement("");
      String said = overdue(statement);
      // The close waits 10 s for the statement.
      Thread closing = new Thread(() -> close(statement));
      closing.start();
      return said + runsAfter(2000);
    });
    // The exit of the process closes the connection, which ends the running statement.
    System.exit(0);
  }

  private static Statement statement(String query) throws SQLException {
    return DriverManager.getConnection(url + query, properties).createStatement();
  }

  /** Runs a statement longer than the limit; returns its outcome. */
  private static String overdue(Statement statement) throws SQLException {
    statement.setQueryTimeout(1);
    try (ResultSet set = statement.executeQuery(SLOW)) {
      return "has a result";
    } catch (SQLException error) {
      return error.getMessage().contains("Query timed out after 1 SECONDS") ? "timed out" : error.toString();
    }
  }

  private static void close(Statement statement) {
    try (Connection connection = statement.getConnection()) {
      // Closed at the end of the block.
    } catch (SQLException error) {
      // The process exits first.
    }
  }

  private static String read(ResultSet set) throws SQLException {
    int rows = 0;
    try (set) {
      while (set.next()) {
        rows++;
      }
      return rows + " rows";
    } catch (RuntimeException error) {
      return rows + " rows, " + error.getMessage();
    }
  }

  private interface Deed {
    void run() throws Exception;
  }

  private static String runsOnceDone(Deed deed) throws Exception {
    deed.run();
    for (long until = System.currentTimeMillis() + PATIENCE_MS; System.currentTimeMillis() < until; Thread.sleep(50)) {
      if (running() == 0) {
        return ", ended";
      }
    }
    return ", runs";
  }

  private static String runsAfter(long waitMs) throws Exception {
    Thread.sleep(waitMs);
    return running() == 0 ? ", ended" : ", runs";
  }

  /** Number of calls in flight at the server. */
  private static int running() throws Exception {
    String text = HttpClient.newHttpClient().send(metrics, HttpResponse.BodyHandlers.ofString()).body();
    Matcher matcher = RUNNING.matcher(text);
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : -1;
  }
}
