import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;

/**
 * Runs statements at a source with the JDBC driver; prints a line "number label = values" for each column of each result, or
 * "number rows = count" for a change.
 *
 * <p>JdbcQueries HOST:PORT SOURCE KEY [read SQL | count SQL | change SQL | bind SQL]...
 */
public final class JdbcQueries {
  private JdbcQueries() {}

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("useEncryption", "false");
    properties.put("x-flightgate-source", args[1]);
    if (!args[2].isEmpty()) {
      properties.put("user", "anyone");
      properties.put("password", args[2]);
    }
    // It is not closed: after a statement that failed, the driver complains of memory that it lost itself.
    Connection connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties);
    for (int i = 3; i + 1 < args.length; i += 2) {
      try {
        run(connection, i / 2, args[i], args[i + 1]);
      } catch (SQLException error) {
        System.out.println(i / 2 + " error = " + (error.getCause() == null ? error : error.getCause()).getMessage().replace("\n", "\\n"));
      }
    }
    System.exit(0);
  }

  private static void run(Connection connection, int number, String kind, String sql) throws SQLException {
    switch (kind) {
      case "change":
        try (Statement statement = connection.createStatement()) {
          System.out.println(number + " rows = " + statement.executeUpdate(sql));
        }
        break;
      case "bind":
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
          statement.setLong(1, 2);
          statement.setString(2, "b");
          print(number, statement.executeQuery());
        }
        break;
      case "count":
        try (Statement statement = connection.createStatement(); ResultSet set = statement.executeQuery(sql)) {
          long rows = 0;
          long sum = 0;
          while (set.next()) {
            rows++;
            sum += set.getLong(1);
          }
          System.out.println(number + " sum = " + rows + " " + sum);
        }
        break;
      default:
        try (Statement statement = connection.createStatement()) {
          print(number, statement.executeQuery(sql));
        }
    }
  }

  private static void print(int number, ResultSet set) throws SQLException {
    try (set) {
      int count = set.getMetaData().getColumnCount();
      List<List<String>> columns = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        columns.add(new ArrayList<>());
      }
      while (set.next()) {
        for (int i = 0; i < count; i++) {
          columns.get(i).add(shown(set, i + 1));
        }
      }
      for (int i = 0; i < count; i++) {
        String label = set.getMetaData().getColumnLabel(i + 1);
        System.out.println(number + " " + label + " = " + String.join("; ", columns.get(i)).replace("\n", "\\n"));
      }
    }
  }

  /** A value; by the column's label where the driver cannot read it by number. */
  private static String shown(ResultSet set, int column) throws SQLException {
    Object value;
    try {
      value = set.getObject(column);
    } catch (RuntimeException error) {
      value = set.getObject(set.getMetaData().getColumnLabel(column));
    }
    return value instanceof byte[] ? HexFormat.of().formatHex((byte[]) value) : String.valueOf(value);
  }
}
