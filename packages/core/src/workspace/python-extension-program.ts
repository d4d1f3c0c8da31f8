/** Run by `python3 -c` with the module's path, like `extension-host.mjs`. */
export const pythonExtensionProgram = `
import importlib.util, inspect, json, os, queue, signal, sys, threading, traceback

def send(answer):
    data = (json.dumps(answer) + "\\n\\n").encode()
    while data:
        data = data[os.write(4, data):]

def wanted(function, given):
    # As in JavaScript, a function may leave out the arguments that it does not want.
    for count in range(len(given), -1, -1):
        try:
            inspect.signature(function).bind(*given[:count])
            return given[:count]
        except TypeError:
            pass
        except ValueError:
            break
    return given

questions = queue.SimpleQueue()

def read():
    with os.fdopen(3, encoding="utf-8") as lines:
        for line in lines:
            questions.put(line)
    # When the run is gone, nothing is left to do; what the module started is in this process's group.
    if os.name == "posix":
        os.kill(0, signal.SIGKILL)
    os._exit(1)

# The module may keep the main thread busy for ever, and the end of the run must still be seen.
threading.Thread(target=read, daemon=True).start()
path = sys.argv[1]
sys.path.insert(0, os.path.dirname(path))
module = None
while True:
    line = questions.get()
    try:
        question = json.loads(line)
        os.environ.update(question["env"])
        if module is None:
            spec = importlib.util.spec_from_file_location("extension", path)
            loaded = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
            module = loaded
        function = getattr(module, question["name"], None)
        if not callable(function):
            raise Exception("it has no function " + question["name"])
        given = (question["context"], {"hookName": question["name"]})
        send({"result": function(*wanted(function, given))})
    except Exception as error:
        send({"error": {"message": str(error) or type(error).__name__, "stack": traceback.format_exc()}})
`;
