import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.HexFormat;
import java.util.Properties;

/**
 * Prints how the JDBC driver shows statements of one column "v" and one row, a line each: the text, and the class of the
 * object, read by the column's label where the driver cannot read it by number.
 * Its arguments are the address, whether to request extension types, and the statements.
 */
public final class JdbcShown {
  private JdbcShown() {}

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("useEncryption", "false");
    properties.put("x-flightgate-lossless-types", args[1]);
    try (Connection connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties);
        Statement statement = connection.createStatement()) {
      for (int i = 2; i < args.length; i++) {
        System.out.println(shown(statement, args[i]).replace("\n", " "));
      }
    }
    System.exit(0);
  }

  private static String shown(Statement statement, String sql) {
    try (ResultSet set = statement.executeQuery(sql)) {
      set.next();
      Object value;
      String how = "";
      try {
        value = set.getObject(1);
      } catch (RuntimeException error) {
        if (!"not implemented".equals(error.getMessage())) {
          throw error;
        }
        value = set.getObject("v");
        how = ", by label";
      }
      if (value instanceof byte[]) {
        return HexFormat.of().formatHex((byte[]) value) + " (byte[])";
      }
      return set.getString(1) + " (" + (value == null ? "null" : value.getClass().getSimpleName()) + how + ")";
    } catch (Exception | Error error) {
      return "error: " + error.getMessage();
    }
  }
}
